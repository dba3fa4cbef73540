from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from usmm.evaluation.stats.tables import Column, PatientTable, make_table
from usmm.visualization.pages.patient_table_page import (
    pvalue_text,
    table_cells,
    to_csv,
    to_html,
    to_latex,
    to_markdown,
    write_patient_table,
)

NASTY = '<script>alert("x")</script> & 50 % | a_b \\ {c}'


@pytest.fixture
def table() -> PatientTable:
    age = [40, 50, 60, None, 70, 80, 90, 95]
    return make_table(
        [Column('age', age, 'year'), Column(NASTY, list('FMFMMMFF'), levels=('F', 'M'))], list('aaaabbbb'), holm=True
    )


def test_cells(table: PatientTable) -> None:
    head, lines = table_cells(table)
    assert head == ['variable', 'all (n = 8)', 'a (n = 4)', 'b (n = 4)', 'missing', 'p', 'p, Holm', 'test']
    assert {len(line) for line in lines} == {len(head)} and len(lines) == 4
    assert lines[0][0] == 'age (year), mean ± SD' and lines[0][2:5] == ['50.0 ± 10.0', '83.8 ± 11.1', '1 (1 / 0)']
    assert lines[1][:4] == [f'{NASTY}, n (%)', '', '', ''] and lines[1][-1] == "Fisher's exact"
    assert lines[2] == ['\u2003F', '4 (50.0)', '2 (50.0)', '2 (50.0)', '', '', '', '']
    assert table_cells(make_table([Column('x', [1.0, 2.0])], ['a', 'b']))[0][-2:] == ['p', 'test']


def test_csv_is_read_back_whole(table: PatientTable) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert rows[0]['why'] == 'normal in every group (Shapiro-Wilk p >= 0.05)' and rows[0]['test'] == "Welch's t"
    assert rows[1]['variable'] == f'{NASTY}, n (%)' and rows[2]['variable'] == '\u2003F' and rows[2]['why'] == ''


def test_markdown_keeps_its_columns(table: PatientTable) -> None:
    lines = [line for line in to_markdown(table).splitlines() if line.startswith('|')]
    assert len(lines) == 6
    assert {len(re.findall(r'(?<!\\)\|', line)) for line in lines} == {9}
    assert '<script' not in to_markdown(table) and '&emsp;F' in lines[4]
    assert 'Holm, over the 2 variables' in to_markdown(table)


def test_latex_escapes_what_is_special(table: PatientTable) -> None:
    text = to_latex(table)
    body = text.partition(r'\midrule')[2].partition(r'\bottomrule')[0].strip().splitlines()
    assert {len(re.findall(r'(?<!\\)&', line)) for line in body} == {7}
    assert r'\& 50 \% | a\_b \textbackslash{} \{c\}' in text and r'50.0 $\pm$ 10.0' in text
    assert r'\begin{tabular}{lrrrrrrl}' in text and '±' not in text


def test_html_is_escaped_and_loads_nothing(table: PatientTable) -> None:
    text = to_html(table, '<b>title</b>', 'sub', ['careful <i>'])
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: seen.append(tag)  # type: ignore[method-assign]
    parser.feed(text)
    assert 'script' not in seen and 'b' not in seen and 'i' not in seen and seen.count('table') == 2
    assert '&lt;script&gt;' in text and not re.search(r'(src|href)="https?:', text)
    assert 'careful &lt;i&gt;' in text and 'the smallest expected count is 2, below 5' in text


def test_files(table: PatientTable, tmp_path: Path) -> None:
    files = write_patient_table(table, tmp_path / 'new', 'title')
    assert [f.name for f in files] == [f'patient_table.{s}' for s in ('csv', 'md', 'tex', 'html')]
    assert sorted(p.name for p in (tmp_path / 'new').iterdir()) == sorted(f.name for f in files)
    assert json.dumps(files[1].read_text(encoding='utf-8')).startswith('"| variable |')


def test_pvalues_as_printed() -> None:
    assert [pvalue_text(p) for p in (0.0009, 0.001, 0.05, None)] == ['<0.001', '0.001', '0.050', '-']

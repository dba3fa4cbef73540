"""What the name of a column suggests: the words in it, and the roles and units that such words stand for."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable

CASE_NAMES = (
    'caseid', 'case', 'caseno', 'casenumber', 'caseidentifier', 'fallid', 'fallnummer', 'fall', 'examid',
    'examinationid', 'studyid', 'recordid', 'sampleid', 'imageid', 'lesionid', 'noduleid', 'accession',
    'accessionnumber', 'id', 'nr', 'no',
)  # fmt: skip
PATIENT_NAMES = (
    'patientid', 'patient', 'patid', 'patientno', 'patientnumber', 'patientidentifier', 'patno', 'patnr', 'pid', 'ptid',
    'subjectid', 'subject', 'participantid', 'participant', 'personid', 'person', 'proband', 'probandid', 'mrn',
    'patientenid', 'patientennummer', 'patientennr', 'patientnr', 'patiente', 'paciente', 'paziente', 'pacienteid',
    'idpaciente', 'idpatient', 'idpat', 'subjid', 'hospitalnumber', 'nhsnumber', 'medicalrecordnumber',
)  # fmt: skip
# names of columns that hold the names of persons
PERSON_NAMES = frozenset({
    'name', 'names', 'patientname', 'patientsname', 'nameofpatient', 'patientenname', 'fullname', 'firstname',
    'lastname', 'surname', 'familyname', 'givenname', 'forename', 'initials', 'vorname', 'nachname', 'familienname',
    'initialen', 'nom', 'prenom', 'nomdupatient', 'nompatient', 'nombre', 'nombres', 'apellido', 'apellidos',
    'nombrepaciente', 'nome', 'cognome', 'sobrenome', 'naam', 'achternaam', 'voornaam', 'imie', 'nazwisko', 'namn',
})  # fmt: skip
PERSON_NAMES_AS_WRITTEN = frozenset(
    {'姓名', '患者姓名', '病人姓名', '患者名', '氏名', '患者', '病人', 'имя', 'фамилия', 'фио'}
)
PERSON_WORDS = frozenset({
    'patient', 'patients', 'pat', 'pt', 'person', 'subject', 'subj', 'participant', 'proband', 'hospital', 'nhs',
    'medical', 'record', 'paciente', 'patiente', 'paziente',
})  # fmt: skip
# names of labels, those that mean nothing else first
LABEL_NAMES = (
    ('label', 'labels'),
    ('class', 'classlabel', 'classification', 'target', 'groundtruth', 'gt', 'klasse', 'klassifikation'),
    (
        'diagnosis', 'diagnose', 'pathology', 'pathologie', 'histology', 'histologie', 'dignity', 'dignitaet',
        'outcome', 'category', 'subtype', 'befund', 'malignancy', 'severity',
    ),
)  # fmt: skip
SPLIT_NAMES = (
    'split',
    'part',
    'partition',
    'subset',
    'set',
    'datasplit',
    'dataset',
    'fold',
    'folds',
    'foldid',
    'cvfold',
    'kfold',
    'traintest',
    'traintestsplit',
    'trainvaltest',
    'trainvaltestsplit',
)
PARTS = {
    'train': 'train', 'training': 'train', 'tr': 'train', 'val': 'val', 'valid': 'val', 'validation': 'val',
    'dev': 'val', 'test': 'test', 'testing': 'test', 'tst': 'test',
}  # fmt: skip
FILE_WORDS = frozenset({
    'file', 'files', 'filename', 'filenames', 'name', 'path', 'paths', 'filepath', 'image', 'images', 'img', 'picture',
    'video', 'videos', 'clip', 'clips', 'cine', 'movie', 'frame', 'photo', 'scan', 'bild', 'bilder', 'bilddatei',
    'datei', 'dateiname', 'pfad', 'videodatei', 'dicom', 'dcm',
})  # fmt: skip
MASK_WORDS = frozenset({
    'mask', 'masks', 'seg', 'segmentation', 'segmentations', 'segmented', 'roi', 'annotation', 'contour', 'outline',
    'maske', 'masken', 'maskendatei', 'segmentierung', 'umriss',
})  # fmt: skip
LESION_WORDS = frozenset({'tumor', 'tumour', 'lesion', 'nodule', 'node', 'mass', 'laesion', 'herd', 'knoten', 'target'})
CLIP_WORDS = frozenset({'video', 'videos', 'clip', 'clips', 'cine', 'movie', 'videodatei'})
# beginnings of words that name a conclusion: what is known only once the answer is
CONCLUSIONS = (
    'birads', 'tirads', 'lirads', 'orads', 'histol', 'pathol', 'cytol', 'diagn', 'biops', 'interpret', 'verif',
    'verdict', 'outcome', 'discharg', 'death', 'died', 'surviv', 'recurr', 'followup', 'therap', 'treat', 'surgery',
    'entlass', 'befund', 'prognos', 'lengthofstay',
)  # fmt: skip
CONCLUSION_WORDS = frozenset({'los', 'op', 'dead', 'diag', 'clindiagn', 'rads'})
UNITS = {
    'mm': 'mm', 'cm': 'cm', 'kg': 'kg', 'years': 'year', 'year': 'year', 'yrs': 'year', 'yr': 'year', 'jahre': 'year',
    'months': 'month', 'monate': 'month', 'days': 'day', 'tage': 'day', 'percent': '%', 'kpa': 'kPa', 'mmhg': 'mmHg',
    'ml': 'mL',
}  # fmt: skip
# words of a name -> unit, lowest and highest plausible value
QUANTITIES: dict[frozenset[str], tuple[str, float, float]] = {
    frozenset({'age'}): ('year', 0, 120),
    frozenset({'alter'}): ('year', 0, 120),
    frozenset({'weight'}): ('kg', 1, 300),
    frozenset({'gewicht'}): ('kg', 1, 300),
    frozenset({'height'}): ('cm', 40, 230),
    frozenset({'koerpergroesse'}): ('cm', 40, 230),
    frozenset({'bmi'}): ('kg/m^2', 8, 80),
    frozenset({'temperature'}): ('degree Celsius', 30, 45),
    frozenset({'temperatur'}): ('degree Celsius', 30, 45),
    frozenset({'pulse'}): ('1/min', 20, 250),
    frozenset({'heart', 'rate'}): ('1/min', 20, 250),
    frozenset({'respiratory', 'rate'}): ('1/min', 4, 80),
    frozenset({'oxygen', 'saturation'}): ('%', 30, 100),
}
FILLERS = frozenset({'pat', 'patient', 'patients', 'pt', 'body', 'at', 'the', 'exam', 'examination', 'in', 'of', 'bei'})
POSITIVE_WORDS = frozenset({
    'malignant', 'malign', 'maligne', 'malignom', 'boesartig', 'positive', 'positiv', 'pos', 'yes', 'ja', 'y', 'true',
    '1', 'cancer', 'diseased', 'disease', 'abnormal', 'pathological', 'krank', 'sick', 'reduced',
})  # fmt: skip
NEGATIVE_WORDS = frozenset({
    'benign', 'benigne', 'gutartig', 'negative', 'negativ', 'neg', 'no', 'nein', 'n', 'false', '0', 'normal', 'healthy',
    'control', 'gesund', 'regular', 'nocancer', 'notmalignant',
})  # fmt: skip
YES_WORDS = frozenset({'yes', 'ja', 'y', 'j', 'true', '1', 'positive', 'positiv', 'pos'})
NO_WORDS = frozenset({'no', 'nein', 'n', 'false', '0', 'negative', 'negativ', 'neg'})
# in the name of a label: it asks for the absence of a disease, or it negates something
HEALTHY_WORDS = frozenset({
    'benign', 'benigne', 'gutartig', 'normal', 'healthy', 'gesund', 'unremarkable', 'unauffaellig',
})  # fmt: skip
NEGATIONS = frozenset({
    'no', 'not', 'non', 'nicht', 'kein', 'keine', 'keinen', 'ohne', 'without', 'free', 'absent', 'absence', 'un',
    'negative', 'negativ', 'neg', 'excluded', 'exclusion', 'excludes', 'ruled', 'ausgeschlossen', 'ausschluss', 'sans',
    'pas', 'exclu', 'exclue', 'sin', 'ausente', 'senza', 'never', 'nie', 'lack', 'lacks',
})  # fmt: skip
NEGATIVE_ENDINGS = ('frei', 'freie', 'los', 'lose', 'negativ', 'negative', 'free')  # as in `tumorfrei`
UNCLEAR_WORDS = frozenset({
    'unknown', 'unclear', 'unbekannt', 'unklar', 'uncertain', 'indeterminate', 'undetermined', 'excluded', 'other',
    'tbd',
})  # fmt: skip
# members of ModuleDict of torch and mmengine, and of ConfigDict, which the name of a modality would hide
MEMBERS = frozenset({
    'add_module', 'apply', 'bfloat16', 'buffers', 'build_lazy', 'call_super_init', 'children', 'clear', 'compile',
    'copy', 'cpu', 'cuda', 'deepcopy', 'double', 'dump_init_info', 'dump_patches', 'eval', 'extra_repr', 'float',
    'forward', 'freeze', 'fromkeys', 'get', 'get_buffer', 'get_extra_state', 'get_parameter', 'get_submodule', 'half',
    'init_cfg', 'init_weights', 'ipu', 'is_init', 'items', 'keys', 'lazy', 'load_state_dict', 'merge', 'modules',
    'mtia', 'named_buffers', 'named_children', 'named_modules', 'named_parameters', 'parameters', 'pop', 'popitem',
    'register_backward_hook', 'register_buffer', 'register_forward_hook', 'register_forward_pre_hook',
    'register_full_backward_hook', 'register_full_backward_pre_hook', 'register_load_state_dict_post_hook',
    'register_load_state_dict_pre_hook', 'register_module', 'register_parameter', 'register_state_dict_post_hook',
    'register_state_dict_pre_hook', 'requires_grad_', 'set_extra_state', 'set_submodule', 'setdefault',
    'share_memory', 'state_dict', 'to', 'to_dict', 'to_empty', 'train', 'training', 'type', 'unfreeze', 'update',
    'values', 'xpu', 'zero_grad',
})  # fmt: skip
UMLAUTS = str.maketrans({'ä': 'ae', 'ö': 'oe', 'ü': 'ue', 'ß': 'ss', 'Ä': 'Ae', 'Ö': 'Oe', 'Ü': 'Ue'})
WORD = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+')
IN_BRACKETS = re.compile(r'[(\[]\s*([^()\[\]]{1,12}?)\s*[)\]]\s*$')


def ascii_text(text: str) -> str:
    """A text in ASCII, umlauts written out and accents left away.

    Example:
        >>> ascii_text('Größe (é)')
        'Groesse (e)'
    """
    plain = unicodedata.normalize('NFKD', text.translate(UMLAUTS))
    return ''.join(c for c in plain if c.isascii())


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case.

    Example:
        >>> words_of('Mask_tumor_filename'), words_of('imageFile2'), words_of('Größe [mm]')
        (['mask', 'tumor', 'filename'], ['image', 'file', '2'], ['groesse', 'mm'])
    """
    return [word.lower() for word in WORD.findall(ascii_text(name))]


def plain_name(name: str) -> str:
    """A name without case, blanks and signs.

    Example:
        >>> plain_name('Patient-ID '), plain_name('case_id')
        ('patientid', 'caseid')
    """
    return ''.join(words_of(name))


def identifier(name: str, default: str) -> str:
    """A name for a modality: lower case, ASCII letters, digits and underscores, as a Python name that is free.

    Names that a network or a config needs for itself, such as `train` and `type`, get the default in front.

    Example:
        >>> identifier('B-Mode', 'image'), identifier('', 'image'), identifier('2nd', 'image')
        ('b_mode', 'image', 'image_2nd')
        >>> identifier('train', 'image'), identifier('class', 'image'), identifier('超声', 'clip')
        ('image_train', 'image_class', 'clip')
    """
    text = '_'.join(re.findall(r'[a-z0-9]+', ascii_text(name).lower())) or default
    return f'{default}_{text}' if not text[0].isalpha() or keyword.iskeyword(text) or text in MEMBERS else text


def is_negation(name: str) -> bool:
    """Whether a name, or a value, states that something is absent.

    Example:
        >>> [is_negation(name) for name in ('covid_negative', 'tumorfrei', 'malignancy excluded', 'malignant', 'los')]
        [True, True, True, False, False]
    """
    words = words_of(name)
    return (
        bool(NEGATIONS & {*words})
        or any(word.endswith(NEGATIVE_ENDINGS) and word not in NEGATIVE_ENDINGS for word in words)
        or (len(words) > 1 and words[-1] in NEGATIVE_ENDINGS)
    )


def holds_person_names(name: str) -> bool:
    """Whether a column is named as one of names of persons is.

    Example:
        >>> [holds_person_names(name) for name in ('Patient Name', 'Vorname', '姓名', 'file name')]
        [True, True, True, False]
    """
    return plain_name(name) in PERSON_NAMES or name.strip().casefold() in PERSON_NAMES_AS_WRITTEN


def is_conclusion(name: str) -> bool:
    """Whether a name is that of a conclusion, which is known only once the answer is.

    Example:
        >>> [is_conclusion(name) for name in ('BIRADS', 'BI-RADS', 'Diagnosis', 'los_ICU', 'age', 'follow_up')]
        [True, True, True, True, False, True]
    """
    words = words_of(name)
    joined = ''.join(words)
    return bool(CONCLUSION_WORDS & {*words}) or any(
        word.startswith(CONCLUSIONS) for word in (*words, joined)
    )  # fmt: skip


def unit_in(name: str) -> str | None:
    """The unit that a name ends with, in brackets or as its last word.

    Example:
        >>> unit_in('Größe (mm)'), unit_in('size_mm'), unit_in('age'), unit_in('alter_jahre')
        ('mm', 'mm', None, 'year')
    """
    if match := IN_BRACKETS.search(name):
        return UNITS.get(match[1].lower(), match[1])
    words = words_of(name)
    return UNITS.get(words[-1]) if len(words) > 1 else None


def quantity_of(name: str) -> tuple[str, float, float] | None:
    """Unit, lowest and highest plausible value of a quantity that its name identifies.

    Example:
        >>> quantity_of('pat_age'), quantity_of('age_months'), quantity_of('gestational age')
        (('year', 0, 120), None, None)
    """
    words = {*words_of(name)} - FILLERS
    quantity = QUANTITIES.get(frozenset(words))
    if quantity is None and (unit := unit_in(name)) is not None:
        quantity = QUANTITIES.get(frozenset(words - set(words_of(unit)) - {w for w, u in UNITS.items() if u == unit}))
        return quantity if quantity is not None and quantity[0] == unit else None
    return quantity


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts `F2` before `F10`.

    Example:
        >>> sorted(['F10', 'F2', 'a'], key=natural)
        ['a', 'F2', 'F10']
    """
    parts = re.findall(r'\d+|\D+', name.casefold())
    return [(0, int(part), '') if part.isdigit() else (1, 0, part) for part in parts]


def spellings(texts: Iterable[str]) -> dict[str, list[str]]:
    """Key -> the texts that differ in case, blanks or the form of a number alone, each once.

    Example:
        >>> spellings(['Benign', 'benign ', 'x', '1', '1.0'])
        {'benign': ['Benign', 'benign '], 'x': ['x'], '1': ['1', '1.0']}
    """
    groups: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        groups.setdefault(spelling_key(text), []).append(text)
    return groups


def spelling_key(text: str) -> str:
    """A text without what a typist varies: case, blanks, `.0` of a whole number."""
    key = ' '.join(unicodedata.normalize('NFKC', text).casefold().split())
    return re.sub(r'^([+-]?\d+)\.0+$', r'\1', key)


def listing_of(names: Collection[str], most: int = 8) -> str:
    """The first few names of many.

    Example:
        >>> listing_of(['a', 'b', 'c'], most=2)
        "'a', 'b' and 1 more"
    """
    shown = ', '.join(map(repr, list(names)[:most]))
    return f'{shown} and {len(names) - most} more' if len(names) > most else shown

"""From a raw clinical table to the columns that a classical classifier reads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from usmm.structures import Variable


class TableEncoding(nn.Module):
    """Numbers and one-hot categories in float64, everything fitted on the training part.

    A category takes a column a value and one for unknown. A number takes one column; with `impute` its missing
    values become the training part's median, it is z-scored, and a column of its own says that it was missing. All of
    that is done with log(1 + x) of a variable that says `log`; a value of -1 or below then counts as missing.

    Args:
        variables: The clinical variables, in the order of the table's columns.
        impute: Fill and scale the numbers; False: leave them as they are, NaN where missing.

    Raises:
        ValueError: If there is no variable, or the categories of one are not known yet.

    Example:
        >>> encoding = TableEncoding([Variable('age'), Variable('gender', values=('F', 'M'))])
        >>> encoding.fit(torch.tensor([[40.0, 0.0], [60.0, 1.0]]))
        >>> encoding(torch.tensor([[60.0, 0.0], [float('nan'), float('nan')]]))
        tensor([[1., 0., 1., 0., 0.],
                [0., 1., 0., 0., 1.]], dtype=torch.float64)
        >>> encoding.names
        ['age', 'age missing', 'gender=F', 'gender=M', 'gender unknown']
    """

    median: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, variables: Sequence[Variable], impute: bool = True) -> None:
        super().__init__()
        if not variables:
            raise ValueError('a table classifier needs one clinical variable or more, got none')
        open_ones = [v.name for v in variables if v.values == 'auto']
        if open_ones:
            raise ValueError(f"values='auto' of {open_ones} must be replaced by the training part's categories first")
        self.variables, self.impute = tuple(variables), impute
        for name, value in (('median', 0.0), ('mean', 0.0), ('std', 1.0)):
            self.register_buffer(name, torch.full((len(self.variables),), value, dtype=torch.float64))

    @property
    def names(self) -> list[str]:
        """Names of the columns that come out."""
        names: list[str] = []
        for v in self.variables:
            if v.is_category:
                names += [*(f'{v.name}={value}' for value in v.values or ()), f'{v.name} unknown']
            else:
                names += [v.name, f'{v.name} missing'] if self.impute else [v.name]
        return names

    @torch.no_grad()
    def fit(self, table: Tensor) -> None:
        """Take median, mean and standard deviation (of the population) of the numbers from the training part.

        A number that has no value there counts as 0; the mean and deviation are those after missing values are filled.

        Args:
            table: Raw table (N, number of variables), NaN where missing.
        """
        self._check(table)
        for i, variable in enumerate(self.variables):
            if variable.is_category:
                continue
            column = self._number(table, i)
            known = column[column.isfinite()]
            # the middle of an even number of values is the mean of the two in the middle
            middle = float(known.quantile(0.5)) if len(known) else 0.0
            filled = torch.where(column.isfinite(), column, torch.full_like(column, middle))
            deviation = float(filled.std(correction=0))
            self.median[i], self.mean[i] = middle, float(filled.mean())
            self.std[i] = deviation if deviation > 0 else 1.0

    def forward(self, table: Tensor) -> Tensor:
        """The columns (B, len(names)), float64, of a raw table (B, number of variables)."""
        self._check(table)
        columns = []
        for i, variable in enumerate(self.variables):
            column = self._number(table, i)
            known = column.isfinite()
            if variable.is_category:
                count = len(variable.values or ())
                known = known & (column >= 0) & (column < count)
                index = torch.where(known, column, torch.full_like(column, count))
                columns.append(F.one_hot(index.long(), count + 1).double())
            elif self.impute:
                filled = torch.where(known, column, self.median[i])
                columns.append(torch.stack([(filled - self.mean[i]) / self.std[i], (~known).double()], dim=1))
            else:
                columns.append(torch.where(known, column, torch.full_like(column, torch.nan))[:, None])
        return torch.cat(columns, dim=1)

    def _number(self, table: Tensor, i: int) -> Tensor:
        """A column (B,) in float64, of its logarithm where that is asked for; trees need none."""
        column = table[:, i].double()
        return column.log1p() if self.impute and self.variables[i].log else column

    def _check(self, table: Tensor) -> None:
        if table.ndim != 2 or table.shape[1] != len(self.variables):
            names = [v.name for v in self.variables]
            raise ValueError(f'clinical table must be (B, {len(names)}) for {names}, got {tuple(table.shape)}')


def own_columns(table: Tensor, columns: Sequence[int] | None) -> Tensor:
    """The columns of a table that has more; a table that is too narrow is left to the check of its reader.

    Example:
        >>> own_columns(torch.tensor([[1.0, 2.0, 3.0]]), [0, 2])
        tensor([[1., 3.]])
    """
    if columns is None or table.ndim != 2 or table.shape[1] <= max(columns, default=0):
        return table
    return table[:, list(columns)]

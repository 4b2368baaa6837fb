"""Lines of the evaluation's table."""

from typing import NamedTuple


class Row(NamedTuple):
    """A measured number, and the least (or most) that is asked; None asks nothing."""

    name: str
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool:
        """A value that is not a number never is."""
        return bool((self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most))

    def __str__(self) -> str:
        if self.least is None and self.most is None:
            return f"{self.name:<76} {self.value:8.4f}"
        asked = f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        return f"{self.name:<76} {self.value:8.4f}  {asked:<13} {'met' if self.met else 'NOT MET'}"

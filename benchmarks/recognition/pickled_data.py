"""Reads pickles that hold plain data, and executes nothing.

A pickle is a program that may import and call anything. Here `pickletools` only takes it apart, and the few operations that build
lists, tuples, bytes, text, numbers and truth values are followed on a stack. Nothing is ever imported: names of
functions are symbols, and those that published verification files have (bytes as Python 3 wrote them for Python 2, arrays of
NumPy for encoded images, its truth values) stand for building that data here. Every other name or operation is refused.
"""

import enum
import io
import math
import pickletools
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

Reason = Literal["damaged", "forbidden"]


class PickleRefused(ValueError):
    """reason: `damaged` for what ends early or makes no sense, `forbidden` for what would do more than hold data; position: in bytes."""

    def __init__(self, message: str, reason: Reason, position: int) -> None:
        super().__init__(message)
        self.reason, self.position = reason, position


@dataclass
class Array:
    """NumPy's array as far as it is read. kind: `u1` (bytes) or `b1` (truth values, a byte each); empty until it is filled."""

    kind: str = ""
    shape: tuple[int, ...] = ()
    data: bytes = b""


@dataclass(frozen=True)
class _Kind:
    """NumPy's dtype."""

    name: str


class _Symbol(enum.Enum):
    ENCODE = enum.auto()  # (text, "latin1"): bytes, as Python 3 pickles them for Python 2
    BYTES = enum.auto()  # (): no bytes
    NDARRAY = enum.auto()  # names the class; never called
    DTYPE = enum.auto()  # ("u1", False, True)
    RECONSTRUCT = enum.auto()  # (ndarray, (0,), b"b"): an array that BUILD fills
    FROM_BUFFER = enum.auto()  # (bytes, dtype, shape, order): an array, in protocol 5
    SCALAR = enum.auto()  # (dtype, bytes): a number or truth value


# NumPy 2 renamed its inner modules.
_SYMBOLS = {
    ("_codecs", "encode"): _Symbol.ENCODE,
    ("__builtin__", "bytes"): _Symbol.BYTES,
    ("builtins", "bytes"): _Symbol.BYTES,
    ("numpy", "ndarray"): _Symbol.NDARRAY,
    ("numpy", "dtype"): _Symbol.DTYPE,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Symbol.RECONSTRUCT for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Symbol.SCALAR for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Symbol.FROM_BUFFER for core in ("core", "_core")},
}
_MARK = object()


def read_pickle(pickled: bytes) -> Any:
    """The one value of a pickle of protocol 2 to 5, of lists, tuples, bytes, text, whole numbers, None, truth values and `Array`s.

    Text of Python 2 is bytes. Lists may hold themselves: who walks through the value has to know what to expect.
    Raises PickleRefused for anything else, also for bytes behind the end.
    """
    return _Reader(pickled).read()


class _Reader:
    def __init__(self, pickled: bytes) -> None:
        # In memory, where reading more than there is asks for no more memory than there is.
        self._file, self._length = io.BytesIO(pickled), len(pickled)
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._position = 0

    def read(self) -> Any:
        try:
            for k, (operation, argument, position) in enumerate(pickletools.genops(self._file)):
                self._position = position or 0
                if k == 0 and not (operation.name == "PROTO" and 2 <= argument <= 5):
                    self._refuse(
                        "a pickle of protocol 2 to 5", f"one that begins with {operation.name} {_brief(argument)}"
                    )
                self._follow(operation.name, argument)
        except PickleRefused:
            raise
        except (ValueError, OverflowError) as error:  # pickletools', for what it cannot take apart; bytes beyond latin1
            self._position = self._file.tell()
            self._refuse("a whole pickle", str(error))
        if self._file.tell() != self._length:
            self._refuse("nothing behind the end of the pickle", f"{self._length - self._file.tell()} bytes")
        value = self._pop()
        if self._stack:
            self._refuse("one value", f"{len(self._stack) + 1}")
        return value

    def _follow(self, name: str, argument: Any) -> None:
        match name:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "MARK":
                self._stack.append(_MARK)
            case "NONE":
                self._stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                self._stack.append(name == "NEWTRUE")
            case "BININT" | "BININT1" | "BININT2" | "LONG1":
                self._stack.append(argument)
            case "SHORT_BINUNICODE" | "BINUNICODE" | "SHORT_BINBYTES" | "BINBYTES" | "BINBYTES8":
                self._stack.append(argument)
            case "BYTEARRAY8":
                self._stack.append(bytes(argument))
            case "SHORT_BINSTRING" | "BINSTRING":
                self._stack.append(argument.encode("latin1"))  # pickletools shows bytes so
            case "EMPTY_LIST":
                self._stack.append([])
            case "LIST":
                self._stack.append(self._since_mark())
            case "APPEND":
                value = self._pop()
                self._list().append(value)
            case "APPENDS":
                values = self._since_mark()
                self._list().extend(values)
            case "EMPTY_TUPLE":
                self._stack.append(())
            case "TUPLE":
                self._stack.append(tuple(self._since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                values = [self._pop() for _ in range(int(name[-1]))]
                self._stack.append(tuple(reversed(values)))
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self._top()
            case "MEMOIZE":
                self._memo[len(self._memo)] = self._top()
            case "BINGET" | "LONG_BINGET":
                if argument not in self._memo:
                    self._refuse("a value that was kept", f"number {argument}, which was not")
                self._stack.append(self._memo[argument])
            case "GLOBAL":
                self._stack.append(self._symbol(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                function, module = self._pop(), self._pop()
                self._stack.append(self._symbol(module, function))
            case "REDUCE":
                arguments, symbol = self._pop(), self._pop()
                self._stack.append(self._made(symbol, arguments))
            case "BUILD":
                state = self._pop()
                self._fill(self._top(), state)
            case _:
                self._refuse("data alone", f"the operation {name}", "forbidden")

    def _symbol(self, module: Any, name: Any) -> _Symbol:
        symbol = _SYMBOLS.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if symbol is None:
            self._refuse("data alone", f"the name {module}.{name}", "forbidden")
        return symbol

    def _made(self, symbol: Any, arguments: Any) -> Any:
        """What calling the function would give."""
        match symbol, arguments:
            case _Symbol.ENCODE, (str(text), ("latin1" | "latin-1")):
                return text.encode("latin1")
            case _Symbol.BYTES, ():
                return b""
            case _Symbol.DTYPE, (name, (False | 0), (True | 1)):
                return self._kind(name)
            case _Symbol.RECONSTRUCT, (_Symbol.NDARRAY, (0,), b"b"):
                return Array()
            case _Symbol.FROM_BUFFER, (bytes(data), _Kind(kind), shape, "C" | "F"):
                return self._array(kind, shape, data)
            case _Symbol.SCALAR, (_Kind("b1"), b"\0" | b"\1" as value):
                return value == b"\1"
        self._refuse("data alone", f"a call of {symbol!r} with {_brief(arguments)}", "forbidden")

    def _fill(self, target: Any, state: Any) -> None:
        match target, state:
            case Array(kind=""), ((int(), shape, _Kind(kind), (True | False | 0 | 1), bytes(data))):
                made = self._array(kind, shape, data)
                target.kind, target.shape, target.data = made.kind, made.shape, made.data
            case _Kind(), (3, ("|" | b"|"), None, None, None, -1, -1, 0):
                pass  # says that a byte has no order
            case _:
                self._refuse("data alone", f"a state {_brief(state)} for {_brief(target)}", "forbidden")

    def _kind(self, name: Any) -> _Kind:
        known = {"u1": "u1", b"u1": "u1", "b1": "b1", b"b1": "b1"}
        if not isinstance(name, (str, bytes)) or name not in known:
            self._refuse("arrays of bytes or truth values", f"some of {_brief(name)}", "forbidden")
        return _Kind(known[name])

    def _array(self, kind: str, shape: Any, data: bytes) -> Array:
        whole = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)
        if not whole or math.prod(shape) != len(data):
            self._refuse(f"an array of the {len(data)} bytes that are there", f"the shape {_brief(shape)}")
        return Array(kind, shape, data)

    def _pop(self) -> Any:
        value = self._top()
        self._stack.pop()
        return value

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            self._refuse("a value", "none")
        return self._stack[-1]

    def _list(self) -> list[Any]:
        if not isinstance(self._top(), list):
            self._refuse("a list to append to", _brief(self._top()))
        return self._top()

    def _since_mark(self) -> list[Any]:
        for k in range(len(self._stack) - 1, -1, -1):
            if self._stack[k] is _MARK:
                values = self._stack[k + 1 :]
                del self._stack[k:]
                return values
        self._refuse("a mark", "none")

    def _refuse(self, expected: str, received: str, reason: Reason = "damaged") -> NoReturn:
        message = f"Expected {expected} but received {received} (at byte {self._position})."
        raise PickleRefused(message, reason, self._position)


def _brief(value: Any) -> str:
    """Without the contents, which may be large or hold themselves."""
    return repr(value) if isinstance(value, (int, enum.Enum, type(None))) else f"a value of type {type(value).__name__}"

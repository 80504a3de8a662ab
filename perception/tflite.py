"""Weights out of a .tflite file, without TensorFlow.

In: the path of a TFLite flatbuffer. Out: its constant tensors, by name and in the order in which the operators
use them. It reads tables and vectors of the flatbuffer format and knows nothing of what the operators do.

Source: the flatbuffers binary format (https://flatbuffers.dev/internals) and TensorFlow Lite's `schema.fbs`;
the field numbers below are the order of the fields there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

_MODEL_OPERATOR_CODES, _MODEL_SUBGRAPHS, _MODEL_BUFFERS = 1, 2, 4
_GRAPH_TENSORS, _GRAPH_OPERATORS = 0, 3
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_BUFFER, _TENSOR_NAME = 0, 1, 2, 3
_OPERATOR_CODE, _OPERATOR_INPUTS = 0, 1
_CODE_DEPRECATED, _CODE = 0, 3
_BUFFER_DATA = 0
_DTYPES = {0: np.float32, 1: np.float16, 2: np.int32, 4: np.int64}

CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED = 3, 4, 9
"""TFLite's codes of the operators that carry weights."""


@dataclass(frozen=True)
class Operator:
    """One step of the network."""

    code: int
    """TFLite's BuiltinOperator."""
    constants: tuple[ndarray, ...]
    """Its constant inputs, in order: weights, then bias."""


@dataclass(frozen=True)
class TfliteFile:
    """The constants of a network."""

    tensors: dict[str, ndarray]
    """Constant tensors by name."""
    operators: tuple[Operator, ...]
    """Operators in the order of execution."""

    @classmethod
    def read(cls, path: Path) -> TfliteFile:
        """Read a file.

        Raises:
            ValueError: the file is no whole TFLite flatbuffer.
        """
        data = Path(path).read_bytes()
        if data[4:8] != b"TFL3":
            raise ValueError(f"{path} is not a TFLite model; run `lookhear fetch offline` to get it again.")
        try:
            return _read(_Table.root(data))
        except (struct.error, IndexError, ValueError) as error:
            raise ValueError(f"{path} is damaged ({error}); run `lookhear fetch offline` to get it again.") from error

    def named(self, ending: str) -> ndarray:
        """The one constant whose name ends so."""
        found = [value for name, value in self.tensors.items() if name.endswith(ending)]
        if len(found) != 1:
            raise ValueError(f"The model has {len(found)} tensors named …{ending}, but should have one.")
        return found[0]

    def weighted(self) -> list[Operator]:
        """The operators that carry weights, in order."""
        codes = (CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED)
        return [op for op in self.operators if op.code in codes]


def _read(model: _Table) -> TfliteFile:
    graph = model.tables(_MODEL_SUBGRAPHS)[0]
    buffers = model.tables(_MODEL_BUFFERS)
    named = [(t.text(_TENSOR_NAME), _constant(t, buffers)) for t in graph.tables(_GRAPH_TENSORS)]
    codes = [max(c.number(_CODE_DEPRECATED, "b"), c.number(_CODE, "i")) for c in model.tables(_MODEL_OPERATOR_CODES)]
    operators = []
    for op in graph.tables(_GRAPH_OPERATORS):
        inputs = [named[i][1] for i in op.vector(_OPERATOR_INPUTS, np.int32) if i >= 0]
        constants = tuple(value for value in inputs if value is not None)
        operators.append(Operator(codes[op.number(_OPERATOR_CODE, "I")], constants))
    return TfliteFile({name: value for name, value in named if value is not None}, tuple(operators))


def _constant(tensor: _Table, buffers: list[_Table]) -> ndarray | None:
    dtype = _DTYPES.get(tensor.number(_TENSOR_TYPE, "b"))
    raw = buffers[tensor.number(_TENSOR_BUFFER, "I")].vector(_BUFFER_DATA, np.uint8)
    if dtype is None or len(raw) == 0:
        return None
    return raw.view(dtype).reshape(tensor.vector(_TENSOR_SHAPE, np.int32))


@dataclass(frozen=True)
class _Table:
    """A flatbuffer table: a record whose fields are found through an offset table."""

    data: bytes
    at: int

    @classmethod
    def root(cls, data: bytes) -> _Table:
        return cls(data, _unpack("I", data, 0))

    def _field(self, number: int) -> int:
        """Position of a field, or 0 when it is absent."""
        offsets = self.at - _unpack("i", self.data, self.at)
        entry = 4 + 2 * number
        if entry >= _unpack("H", self.data, offsets):
            return 0
        offset = _unpack("H", self.data, offsets + entry)
        return self.at + offset if offset else 0

    def number(self, field: int, code: str) -> int:
        at = self._field(field)
        return int(_unpack(code, self.data, at)) if at else 0

    def vector(self, field: int, dtype: type[np.generic]) -> ndarray:
        at = self._field(field)
        if not at:
            return np.zeros(0, dtype)
        start = at + _unpack("I", self.data, at)
        return np.frombuffer(self.data, dtype, count=_unpack("I", self.data, start), offset=start + 4)

    def text(self, field: int) -> str:
        return self.vector(field, np.uint8).tobytes().decode()

    def tables(self, field: int) -> list[_Table]:
        at = self._field(field)
        start = at + _unpack("I", self.data, at) if at else 0
        count = _unpack("I", self.data, start) if at else 0
        places = [start + 4 + 4 * k for k in range(count)]
        return [_Table(self.data, place + _unpack("I", self.data, place)) for place in places]


def _unpack(code: str, data: bytes, at: int) -> Any:
    return struct.unpack_from("<" + code, data, at)[0]

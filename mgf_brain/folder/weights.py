"""The weights of a folder: whether a model is of their make, before it takes any memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.nn.modules import module as hooks
from torch.overrides import TorchFunctionMode

from mgf_brain.errors import UserError

WEIGHTS_FILE = "model.safetensors"
# Modules, parameters and buffers that a model may have for each of its weights, and beside them.
PARTS_PER_WEIGHT, PARTS_BESIDE = 20, 200


class Weight(NamedTuple):
    """What a header says of a tensor."""

    shape: tuple[int, ...]
    floating: bool


def read_header(folder: str | Path) -> dict[str, Weight]:
    """What the file of weights holds, read from its first bytes.

    Arguments
    ---------
    folder : str or Path

    Returns
    -------
    dict of str to Weight

    Raises
    ------
    UserError
        If the file is no safetensors, or cut.
    OSError
        If it may not be read.

    Example
    -------
    >>> from safetensors.torch import save_file
    >>> folder = getfixture("tmp_path")
    >>> save_file(nn.Linear(2, 1).state_dict(), folder / WEIGHTS_FILE)
    >>> read_header(folder)["weight"]
    Weight(shape=(1, 2), floating=True)
    """
    path = Path(folder) / WEIGHTS_FILE
    try:
        path.open("rb").close()  # of a file that may not be read, safetensors says it is not there
        with safe_open(path, "pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {
                name: Weight(tuple(part.get_shape()), part.get_dtype().startswith(("F", "BF")))
                for name, part in slices.items()
            }
    except SafetensorError as error:
        raise UserError(unreadable(folder, error)) from error


def unreadable(folder: str | Path, reason: object) -> str:
    """That the file of weights cannot be read, and why.

    Example
    -------
    >>> unreadable("model", "too short")
    'model: model.safetensors cannot be read (too short). Copy it anew.'
    """
    return f"{folder}: {WEIGHTS_FILE} cannot be read ({reason}). Copy it anew."


@contextmanager
def blueprint(weights: int) -> Iterator[None]:
    """In this block models are built without memory, and no larger than so many weights need.

    Arguments
    ---------
    weights : int
        Tensors of the file that the model is for.

    Raises
    ------
    UserError
        As soon as the model has more parts.

    Example
    -------
    >>> with blueprint(weights=2):
    ...     nn.Linear(10**9, 10**9).weight.device
    device(type='meta')
    """
    left = PARTS_BESIDE + PARTS_PER_WEIGHT * weights

    def count(*registered: object) -> None:
        """One part more."""
        nonlocal left
        left -= 1
        if left < 0:
            raise UserError(f"it describes more than the {weights} weights of {WEIGHTS_FILE}")

    handles = [
        hooks.register_module_parameter_registration_hook(count),
        hooks.register_module_buffer_registration_hook(count),
        hooks.register_module_module_registration_hook(count),
    ]
    try:
        with torch.device("meta"), _Shapes():
            yield
    finally:
        for handle in handles:
            handle.remove()


def _same(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    return tensor


def _scaled(tensor: torch.Tensor, factor: Any) -> torch.Tensor:
    return tensor if isinstance(factor, (int, float)) else torch.mul(tensor, factor)


def _norm(tensor: torch.Tensor, power: int, dim: int) -> torch.Tensor:
    return tensor.new_empty([n if place == dim else 1 for place, n in enumerate(tensor.shape)])


class _Shapes(TorchFunctionMode):
    """Shapes alone, where torch would import its compiler (1.6 s) to have them without memory."""

    STAND_INS: ClassVar[dict[Any, Any]] = {
        nn.init.normal_: _same,
        torch.Tensor.normal_: _same,
        torch.Tensor.mul: _scaled,
        torch.randn: torch.empty,
        torch.norm_except_dim: _norm,
    }

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        return self.STAND_INS.get(func, func)(*args, **(kwargs or {}))


def misfit(model: nn.Module, header: Mapping[str, Weight]) -> str | None:
    """How a model differs from what the weights are of; None where it doesn't.

    Arguments
    ---------
    model : torch.nn.Module
    header : mapping of str to Weight
        See ``read_header``.

    Example
    -------
    >>> misfit(nn.Linear(2, 1), {"weight": Weight((1, 3), True), "bias": Weight((1,), True)})
    'weight has the shape [1, 3] there, and [1, 2] here'
    """
    state = model.state_dict()
    for name, tensor in state.items():
        if name not in header:
            return f"{name} is missing"
        if header[name].shape != tuple(tensor.shape):
            shape = list(header[name].shape), list(tensor.shape)
            return f"{name} has the shape {shape[0]} there, and {shape[1]} here"
        if header[name].floating != tensor.is_floating_point():
            return f"{name} has numbers of another kind"
    more = [name for name in header if name not in state]
    return f"{more[0]} has no place" if more else None


def refuse_not_finite(tensors: Mapping[str, torch.Tensor], place: str, remedy: str) -> None:
    """Raise a UserError that names the first tensor with a value that is not a finite number.

    Example
    -------
    >>> refuse_not_finite({"bias": torch.tensor([float("nan")])}, "model", "Copy it anew.")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: model: bias is not finite (NaN or infinite). Copy it anew.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise UserError(f"{place}: {name} is not finite (NaN or infinite). {remedy}")


def half_precision(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of single precision as float16, if its values have a place there.

    Example
    -------
    >>> [half_precision(torch.tensor([x])).dtype for x in (1.0, 1e5)]
    [torch.float16, torch.float32]
    """
    half = tensor.half() if tensor.dtype is torch.float32 else tensor
    return half if half.isfinite().all() else tensor


def whole_precision(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of half precision as float32; any other as it is.

    Example
    -------
    >>> whole_precision(torch.ones(1, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def as_bytes(tensor: torch.Tensor) -> memoryview:
    """A tensor's memory."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data

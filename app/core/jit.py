"""How kernels are compiled: to serial machine code that lets go of the interpreter."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, cast

import numba
from llvmlite import binding
from numba import _dynfunc, types  # type: ignore[attr-defined]
from numba.core import event
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.itanium_mangler import mangle_identifier
from numba.extending import register_jitable

from app.core.kernel_cache import KernelCache

Kernel = Callable[..., Any]

#: `contract` alone lets a product and a sum be one instruction (rounded once, which the
#: numerical promise allows); it never reorders a sum, as full fastmath would.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract"},
    "no_cfunc_wrapper": True,
}


def compiled(function: Kernel) -> Kernel:
    """Compile at the first call with each dtype; keep the result on disk where that is possible.

    Where there is no place to keep it, every start compiles anew.
    """
    return _kept(numba.njit(pipeline_class=_KernelCompiler, **_OPTIONS)(function), function)


def brief(function: Kernel, of: Kernel | None = None) -> Kernel:
    """As `compiled`, for kernels of a few microseconds: these keep the interpreter lock.

    To let go of it and get it back takes time, and where another thread wants it, far more. What is kept is found
    again as a kernel `of` another function, where this one is made of that.
    """
    return _kept(numba.njit(pipeline_class=_KernelCompiler, **_OPTIONS | {"nogil": False})(function), of or function)


#: Let go of the interpreter lock inside a `brief` kernel, and get it back with what letting go gave.
#: In between nothing may be raised: whoever calls what may fail looks at what it says of itself.
let_go: Any = types.ExternalFunction("PyEval_SaveThread", types.voidptr())
get_back: Any = types.ExternalFunction("PyEval_RestoreThread", types.void(types.voidptr))


def _kept(kernel: Any, function: Kernel) -> Kernel:
    with suppress(RuntimeError):
        kernel._cache = KernelCache(function)
    return cast("Kernel", kernel)


def inlined(function: Kernel) -> Kernel:
    """A piece of kernels, copied into each place that calls it; called from Python it is as it was.

    A call of its own would take time, and where a kernel makes arrays (see `_uncounted`) count references to all
    that it is handed. LLVM copies it, once its types are known: where
    numba itself does so, each copy is typed and written anew, which takes twice as long.
    Where a kernel makes arrays, one that returns before its end as well has references counted after all.
    """
    return register_jitable(forceinline=True, pipeline_class=_PieceCompiler, **_OPTIONS)(function)


def shared(function: Kernel) -> Kernel:
    """A larger piece, which each kernel has once; called from Python it is as it was."""
    return register_jitable(pipeline_class=_PieceCompiler, **_OPTIONS)(function)


def apart(function: Kernel) -> Kernel:
    """A piece that stays a function of its own in kernels: what is around its loops takes none of their registers."""
    return register_jitable(forceinline=False, pipeline_class=_PieceApartCompiler, **_OPTIONS)(function)


class _KernelCompiler(Compiler):
    """Compiles a kernel at LLVM's second level: the third takes a quarter longer, for kernels no faster."""

    def compile_extra(self, func: Kernel) -> Any:
        self.state.library = _Kernel(self.state.targetctx.codegen(), func.__qualname__)
        self.state.library.enable_object_caching()
        with _collecting_rarely():
            return super().compile_extra(func)


#: Objects that are made before Python looks for cycles among them.
_MADE = 50_000


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """A compilation makes millions of objects: to look for cycles as often as usual takes a tenth of its time."""
    before = gc.get_threshold()
    gc.set_threshold(_MADE, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Kernel(JITCodeLibrary):
    """The code of a kernel and of its pieces."""

    def _optimize_final_module(self) -> None:
        """Bring all into one function, and count no references that it need not; then optimize."""
        self._final_module = _uncounted(self._final_module)
        cheap = {"opt": 0, "loop_vectorize": False, "slp_vectorize": False, "cost": "cheap"}
        for options in (cheap, {"opt": 2}):
            manager, builder = self._codegen._module_pass_manager(**options)
            manager.run(self._final_module, builder)


#: In LLVM's language: where a function begins, the head of one that Python calls, what makes arrays and lists, and
#: a line that counts a reference.
_FUNCTION, _FOR_PYTHON = re.compile(r"^(?=define )", re.MULTILINE), re.compile(r"define .*@_ZN7cpython")
_MAKING = re.compile(r"@NRT_(?:MemInfo_(?:alloc|new|varsize)|Allocate|Reallocate)")
_COUNTING = re.compile(r"^ *(?:tail )?call void @NRT_(?:in|de)cref\(.*\n", re.MULTILINE)


def _uncounted(module: Any) -> Any:
    """The module without counting references: whoever calls a kernel holds all arrays, where it makes none itself.

    Threads fight over the counts, which numba itself leaves out of short functions alone. Only what Python calls
    goes on to count, since it takes hold of the arrays and lets them go. So a kernel must return none of them.
    """
    text = str(module)
    if _MAKING.search(text):
        return module
    functions = _FUNCTION.split(text)
    bare = [own if _FOR_PYTHON.match(own) else _COUNTING.sub("", own) for own in functions]
    uncounted = binding.parse_assembly("".join(bare))
    uncounted.name = module.name
    return uncounted


class _Piece(JITCodeLibrary):
    """The code of a piece and of those that it calls."""

    def finalize(self) -> None:
        """Link them, and no more."""
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


class _PieceApart(_Piece):
    """The same of a piece that is not copied into its callers."""

    def finalize(self) -> None:
        """Link them, and mark the piece."""
        super().finalize()
        own = "".join(map(mangle_identifier, self.name.split(".")))
        for function in self._final_module.functions:
            if own in function.name and not function.is_declaration:
                function.add_function_attribute("noinline")


class _PieceCompiler(Compiler):
    """Leaves a piece as it was written: it is optimized in the kernels that take it up, and never runs alone."""

    _library = _Piece

    def compile_extra(self, func: Kernel) -> Any:
        self.state.library = self._library(self.state.targetctx.codegen(), func.__qualname__)
        self.state.targetctx = self.state.targetctx.subtarget(get_executable=_without_address)
        return super().compile_extra(func)


class _PieceApartCompiler(_PieceCompiler):
    """The same for a piece that LLVM is not to copy into its callers."""

    _library = _PieceApart


def _without_address(library: _Piece, description: Any, environment: Any) -> Any:
    """By this numba knows a piece: an object of its own, as if it could be called."""
    library._ensure_finalized()
    name = description.qualname.split(".")[-1]
    return _dynfunc.make_function(description.lookup_module(), name, name, 0, environment, (library,))


class _Listener(event.Listener):
    """Calls once, at the first kernel."""

    def __init__(self, tell: Callable[[], object]) -> None:
        self._tell: Callable[[], object] | None = tell

    def on_start(self, _event: Any) -> None:
        if self._tell is not None:
            tell, self._tell = self._tell, None
            tell()

    def on_end(self, _event: Any) -> None:
        """Nothing more to say."""


def told_of_compiling(tell: Callable[[], object]) -> AbstractContextManager[None]:
    """Have `tell` called once if a kernel is compiled, since none is kept that fits, inside the context."""
    return cast("AbstractContextManager[None]", event.install_listener("numba:compile", _Listener(tell)))

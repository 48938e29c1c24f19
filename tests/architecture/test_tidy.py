"""Properties of the code itself, read from its syntax: size, purity, names, and the habits that cost money here.

Each rule is a function from a module to its violations, and each is shown specimens that break it, so that a rule
which no longer bites fails here.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
MODULES = sorted(path for top in ("proto", "node") for path in (ROOT / top).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# Rooms whose code must give the same result on every machine: the protocol and the rule book.
PURE_ROOMS = ("proto", "node/core")

# Names of modules and classes that say nothing about what they know.
GRAB_BAGS = re.compile(r"(^|_)(utils?|helpers?|manager|managers|base|common|misc|stuff|tools?)($|_)")
GRAB_BAG_CLASS = re.compile(r"(Utils?|Helpers?|Manager|Misc)$")

# Builtins whose result depends on the process (hash, id), on an order that is not written down (set) or on rounding.
IMPURE_NAMES = {
    "float", "complex", "round", "Decimal", "Fraction", "set", "frozenset", "hash", "id",
    "open", "print", "input", "eval", "exec", "getattr", "setattr", "delattr", "globals", "vars",
}
INTEGER_MATH = {"isqrt", "gcd", "comb", "lcm"}

Violations = Iterator[tuple[ast.AST, str]]


def label(path: Path) -> str:
    """Name a module the way a reader would."""
    return str(path.relative_to(ROOT))


def is_pure(path: Path) -> bool:
    """Tell whether a module belongs to a room that must be deterministic."""
    return label(path).startswith(tuple(f"{room}/" for room in PURE_ROOMS))


def dotted(item: ast.expr) -> str:
    """Spell `a.b.c`; a call in the chain is spelled with its parentheses, anything else is a question mark."""
    match item:
        case ast.Name():
            return item.id
        case ast.Attribute():
            return f"{dotted(item.value)}.{item.attr}"
        case ast.Call():
            return f"{dotted(item.func)}()"
        case _:
            return "?"


def impurities(tree: ast.Module) -> Violations:
    """Find what could make two machines disagree, or hide state outside `State`."""
    # `x in {A, B}` asks for membership only: nothing walks that set.
    asked = [item.comparators[0] for item in ast.walk(tree) if isinstance(item, ast.Compare)]
    for item in ast.walk(tree):
        match item:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield item, "async in a pure room"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield item, "true division; use // with a named rounding"
            case ast.Constant(value=float() | complex()):
                yield item, "float literal"
            case ast.Set() | ast.SetComp() if item not in asked:
                yield item, "a set has no order"
            case ast.Global() | ast.Nonlocal():
                yield item, "state outside State"
            case ast.Name(id=name, ctx=ast.Load()) if name in IMPURE_NAMES:
                yield item, f"`{name}` in a pure room"
            case ast.Attribute(value=ast.Name(id="math"), attr=name) if name not in INTEGER_MATH:
                yield item, f"`math.{name}` works on floats"
            case ast.ImportFrom(module="math", names=names) if any(n.name not in INTEGER_MATH for n in names):
                yield item, "this part of `math` works on floats"
            case _:
                pass


def loose_tasks(tree: ast.Module) -> Violations:
    """Find tasks without an owner: only a TaskGroup may start one."""
    for item in ast.walk(tree):
        if isinstance(item, ast.Call):
            name = dotted(item.func)
            owner, _, method = name.rpartition(".")
            if method == "create_task" and (owner in {"", "asyncio"} or "loop" in owner):
                yield item, f"`{name}` starts a task that nobody owns; use a TaskGroup"
            if name in {"asyncio.ensure_future", "asyncio.gather"}:
                yield item, f"`{name}` starts tasks that outlive a failure; use a TaskGroup"


def unbounded_queues(tree: ast.Module) -> Violations:
    """Find queues that grow until memory ends."""
    for item in ast.walk(tree):
        if (
            isinstance(item, ast.Call)
            and dotted(item.func).removeprefix("asyncio.").removeprefix("queue.")
            in {"Queue", "PriorityQueue", "LifoQueue"}
            and not item.args
            and not item.keywords
        ):
            yield item, "a queue needs a bound"


def swallowed_errors(tree: ast.Module) -> Violations:
    """Find handlers that would hide our own mistakes; one that ends by raising again hides nothing."""
    for item in ast.walk(tree):
        if isinstance(item, ast.ExceptHandler):
            kinds = item.type.elts if isinstance(item.type, ast.Tuple) else [item.type]
            names = ["everything" if kind is None else dotted(kind) for kind in kinds]
            if "Exception" in names:
                yield item, "`except Exception` hides our own mistakes"
            raises = isinstance(item.body[-1], ast.Raise)
            if not raises and any(name in {"everything", "BaseException"} for name in names):
                yield item, "catches everything and goes on"
        if isinstance(item, ast.Call) and dotted(item.func) in {"suppress", "contextlib.suppress"}:
            for argument in item.args:
                if dotted(argument) in {"Exception", "BaseException"}:
                    yield item, "suppresses our own mistakes"


def hidden_rings(tree: ast.Module) -> Violations:
    """Find imports that hide from the import law."""
    for item in ast.walk(tree):
        match item:
            case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING") | ast.alias(name="TYPE_CHECKING"):
                yield item, "an import that must hide is a ring to break"
            case ast.Attribute(value=ast.Name(id="importlib"), attr="import_module") | ast.Name(id="__import__"):
                yield item, "an import that the import law cannot see"
            case _:
                pass


def shapeless(tree: ast.Module) -> Violations:
    """Find functions too long to review and classes named after nothing."""
    for item in ast.walk(tree):
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            assert item.end_lineno is not None
            length = item.end_lineno - item.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield item, f"`{item.name}` has {length} lines, more than {FUNCTION_LINES_MAX}"
        if isinstance(item, ast.ClassDef) and GRAB_BAG_CLASS.search(item.name):
            yield item, f"`{item.name}` does not say what it knows"


SPECIMENS: list[tuple[Callable[[ast.Module], Violations], list[str]]] = [
    (
        impurities,
        [
            "async def f() -> None: ...", "x = 1 / y", "x /= 2", "x = 0.5", "for x in {1, 2}: ...",
            "x = {a for a in b}", "x = set(y)", "def f(a: frozenset[int]) -> None: ...", "x = hash(y)", "x = round(y)",
            "x = math.log(2)", "from math import exp", "def f() -> float: ...",
            "def f() -> None:\n    global x",
        ],
    ),
    (
        loose_tasks,
        [
            "asyncio.create_task(f())", "asyncio.get_running_loop().create_task(f())", "self._loop.create_task(f())",
            "asyncio.ensure_future(f())", "asyncio.gather(f())",
        ],
    ),
    (unbounded_queues, ["asyncio.Queue()", "q: asyncio.Queue[int] = asyncio.Queue()"]),
    (
        swallowed_errors,
        [
            "try: f()\nexcept Exception: g()", "try: f()\nexcept: g()",
            "try: f()\nexcept (OSError, Exception) as e: g()",
            "try: f()\nexcept BaseException: g()", "with contextlib.suppress(Exception): f()",
        ],
    ),
    (
        hidden_rings,
        ["from typing import TYPE_CHECKING", "if typing.TYPE_CHECKING: ...", "importlib.import_module('x')"],
    ),
    (shapeless, ["class OrderManager: ...", "def f() -> None:\n" + "    x = 1\n" * FUNCTION_LINES_MAX]),
]  # fmt: skip

ALLOWED = """
async with asyncio.TaskGroup() as group:
    group.create_task(f())
    self.tasks.create_task(f())
queue = asyncio.Queue(maxsize=10)
try:
    f()
except OSError:
    g()
except BaseException:
    g()
    raise
"""
ALLOWED_IN_PURE_ROOMS = """
if x in {1, 2} and math.isqrt(y) // 2 == 3: z(id=x.hash)
"""


def violations(rule: Callable[[ast.Module], Violations], path: Path) -> list[str]:
    """Run one rule over one module, each finding with its place."""
    tree = ast.parse(path.read_text())
    return [f"{label(path)}:{getattr(item, 'lineno', 0)}: {why}" for item, why in rule(tree)]


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_module_keeps_the_rules(path: Path) -> None:
    found = [row for rule, _ in SPECIMENS[1:] for row in violations(rule, path)]
    if is_pure(path):
        found += violations(impurities, path)
    assert found == []


@pytest.mark.parametrize("path", MODULES + TESTS, ids=label)
def test_module_opens_with_its_purpose(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "a module opens by saying what it is for"


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_module_is_small_and_named_after_what_it_knows(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= MODULE_LINES_MAX, f"{lines} lines, more than {MODULE_LINES_MAX}"
    for part in path.relative_to(ROOT).with_suffix("").parts:
        assert not GRAB_BAGS.search(part), f"`{part}` does not say what it knows"


@pytest.mark.parametrize(
    ("rule", "source"), [(rule, source) for rule, sources in SPECIMENS for source in sources], ids=repr
)
def test_every_rule_bites(rule: Callable[[ast.Module], Violations], source: str) -> None:
    assert list(rule(ast.parse(source)))


def test_good_habits_pass() -> None:
    tree = ast.parse(ALLOWED)
    assert [why for rule, _ in SPECIMENS[1:] for _, why in rule(tree)] == []
    assert list(impurities(ast.parse(ALLOWED_IN_PURE_ROOMS))) == []


def test_assertions_are_never_switched_off() -> None:
    """Assertions stop a node whose state is wrong, so nothing of ours may run without them."""
    switch = re.compile(r"python\S*\s+(-\w+\s+)*-\w*O|PYTHONOPTIMIZE=")
    rooms = [ROOT / name for name in ("scripts", ".ci", "docs/operating")]
    launchers = [path for room in rooms for path in sorted(room.rglob("*")) if path.is_file()]
    for path in [*launchers, ROOT / "Dockerfile"]:
        assert not switch.search(path.read_text()), f"{label(path)} switches assertions off"
    entry = ROOT / "node" / "__main__.py"
    if entry.exists():
        assert "__debug__" in entry.read_text(), "the entry point must refuse to run without assertions"

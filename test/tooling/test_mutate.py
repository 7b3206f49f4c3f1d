"""make mutate: what is changed in a source, who counts as caught, what is kept between runs."""

import os

import pytest

from mutate import judge, results
from mutate.results import Results, load_explained, load_plan, print_table
from mutate.sites import mutants_of
from mutate.tree import ROOT, read_text

C_SOURCE = """\
// if (a < b) in a comment
static int look(const struct thing *thing, uint64_t size)
{
    const char *text = "if (a < b)";
    if (thing->end > size || !thing->good)
        return -EINVAL;
    for (size_t i = 0; i < size; i++)
        thing->count += 1 << i;
    kassert(size != 0);
    note(thing,
         text);
    bool whole = size == 8 && likely(thing->good);
    return whole ? 1 : 0;
}

bool thing_fits(uint64_t size)
{
    if (!PROTECT_SIZE)
        return true;
    return size <= LIMIT;
}
"""

ASSEMBLY = """\
// swapgs in a comment
.macro LOOK target
    testl %eax, %eax                    // cld
    jnz \\target
.endm
FUNCTION(entry)
    clac
1:  rep movsq
    LOOK somewhere
#if DEBUG_CHECKS
    ud2
#endif
    .balign 16
END(entry)
"""


def changes(path, source):
    return {mutant.id.split(":", 1)[1]: mutant.describe(source).split(": ", 1)[1]
            for mutant in mutants_of(path, source)}


def test_conditions_of_c():
    found = changes("a.c", C_SOURCE)
    assert found["look:1:without-1"] == "thing->end > size -> ((thing->end > size) && false)"
    assert found["look:1:without-2"] == "!thing->good -> ((!thing->good) && false)"
    assert found["look:1:always"].endswith("|| true)") and "look:1:never" not in found
    assert found["look:1:bound-1"] == "> -> >="
    assert found["look:2:bound-1"] == "< -> <=" and "look:2:always" not in found
    assert found["look:3:drop"] == "thing->count += 1 << i -> nothing"
    assert found["look:4:drop"] == "note(thing, text) -> nothing"
    assert found["look:5:without-1"] == "size == 8 -> ((size == 8) || true)"
    assert found["look:6:never"] == "whole -> ((whole) && false)"
    assert found["thing_fits:1:always"] == "size <= LIMIT -> ((size <= LIMIT) || true)"
    assert not any("kassert" in text or "PROTECT" in text or "in a comment" in text
                   for text in found.values())


def test_instructions():
    assert changes("a.S", ASSEMBLY) == {
        "LOOK:1:drop": "testl %eax, %eax -> nothing",
        "LOOK:2:drop": "jnz \\target -> nothing",
        "LOOK:2:invert": "jnz -> jz",
        "entry:1:drop": "clac -> nothing",
        "entry:2:drop": "rep movsq -> nothing",
        "entry:3:drop": "LOOK somewhere -> nothing",
    }


@pytest.mark.parametrize("path", [file.path for file in load_plan()[0]])
def test_every_mutant_of_the_plan_is_one_change(path):
    source = read_text(os.path.join(ROOT, path))
    mutants = mutants_of(path, source)
    assert mutants and len({mutant.id for mutant in mutants}) == len(mutants)
    for mutant in mutants:
        changed = mutant.apply(source)
        assert changed != source and changed.count("\n") == source.count("\n"), mutant.id
        if path.endswith(".c"):
            opened, closed = (changed.count(c) - source.count(c) for c in "()")
            assert opened == closed, mutant.id


def test_plan_names_what_exists():
    files, boots = load_plan()
    sources = {file.path: read_text(os.path.join(ROOT, file.path)) for file in files}
    ids = {mutant.id for file in files
           for mutant in file.chosen(mutants_of(file.path, sources[file.path]))}
    programs = {os.path.basename(program.split(",")[0])
                for boot in boots.values() for program in boot.programs}
    for boot in boots.values():
        assert set(boot.counted) <= programs, boot.name
    for file in files:
        for function in file.functions:
            assert any(f":{function}:" in name for name in ids), function
        assert set(file.boots) <= set(boots), file.path
        for test in [*file.tests, *(test for _, test in file.likely)]:
            assert os.path.exists(os.path.join(ROOT, "test", test.split("::")[0])), test
    for pattern, reason in load_explained():
        assert reason and any(results.explanation(name, [(pattern, reason)]) for name in ids), \
            f"{pattern} explains nobody"


def test_a_line_of_the_log_can_end_a_boot():
    due, deaths = ["/bin/a", "/bin/b"], judge.Counter()

    def look(line):
        return judge.judge_line(line, due, deaths, ("offend",))

    assert look("hello") is None
    assert look("[    1.000000] process: 5 (offend) killed by SIGSEGV: x") is None
    assert look("[    1.000000] process: 6 (other) killed by SIGSEGV: x") is None
    assert deaths == {("offend", "SIGSEGV"): 1}
    assert look("init: /bin/a pid 5 exited 0") is None and due == ["/bin/b"]
    assert look("init: /bin/b pid 6 exited 1") == "/bin/b exited 1"
    assert look("init: /bin/a pid 7 exited 0") == "/bin/a exited 0"  # out of turn
    assert "panic" in look("[    1.000000] panic: broken")
    assert look("BAD a_test: exited 1") == "BAD a_test: exited 1"
    assert look("escape: doors last harmless SHORT (none)") is not None
    assert look("a BAD day, and a SHORT one") is None


def test_deaths_are_compared_both_ways():
    assert judge.compare_deaths({"a": 2}, {"a": 2}) is None
    assert judge.compare_deaths({"a": 1}, {"a": 2}) == "a 1 times, not 2"
    assert judge.compare_deaths({"a": 2, "b": 1}, {"a": 2}) == "b 1 times, not 0"


class FakeTree:
    """Unchanged once it was restored."""

    changed = True

    def restore(self):
        self.changed = False

    def build(self, name="debug"):
        pass


def test_what_fails_must_fail_again_and_pass_without_the_mutant():
    def verdict(*answers, without=None):
        answers = iter(answers)
        judging = judge.Judge(FakeTree(), None)
        judging.pytest = lambda tests: next(answers) if judging.tree.changed else without
        return judging.run_tests(["a.py"])

    assert verdict(None) is None
    assert verdict("a.py::one", None) is None
    assert verdict("a.py::one", "a.py::one") == "a.py::one"
    with pytest.raises(RuntimeError, match="a.py::one fails on the unchanged kernel as well"):
        verdict("a.py::one", "a.py::one", without="a.py::one")


def test_boots_are_looked_at_twice_but_for_panics_and_hangs():
    def verdict(*answers):
        answers = iter(answers)
        judging = judge.Judge(FakeTree(), None)
        judging.run_boot = lambda boot: next(answers)
        return judging.run_boots([judge.Boot("first", ())])

    assert verdict(None) is None
    assert verdict("/bin/a exited 1", None) is None
    assert verdict("/bin/a exited 1", "/bin/a exited 1") == "boot first: /bin/a exited 1"
    assert verdict("panic: broken") == "boot first: panic: broken"
    assert verdict("hangs, halted; awaited []") == "boot first: hangs, halted; awaited []"


@pytest.fixture
def kept(tmp_path):
    return lambda: Results(str(tmp_path / "results.json"))


def test_an_interrupted_run_goes_on(kept):
    first, second, *_ = mutants_of("a.c", C_SOURCE)
    kept().note(first, judge.CAUGHT, "a test")
    kept().note(second, judge.SURVIVED, "")
    again = kept()
    assert not again.is_open(first, [], False) and again.is_open(first, [], True)
    assert again.is_open(second, [], False)  # a test may have come
    assert not again.is_open(second, [(second.id, "nobody can tell")], False)

    def opens(text, other):  # once that is changed in the file
        changed = mutants_of("a.c", C_SOURCE.replace(text, other))[0]
        assert changed.id == first.id
        return again.is_open(changed, [], False)

    assert not opens("size <= LIMIT", "size < LIMIT")  # in another function
    assert opens("8 && likely(", "9 && likely(")
    assert opens("// if (a", "#define EINVAL 2 // if (a")


def test_status_and_last_line(kept, capsys):
    mutants = mutants_of("a.c", C_SOURCE)
    store = kept()
    for mutant in mutants[1:]:
        store.note(mutant, judge.CAUGHT, "a test")

    def status(outcome, explained=()):
        store.note(mutants[0], outcome, "")
        value = print_table(mutants * 20, store, explained, {"a.c": C_SOURCE})
        return value, capsys.readouterr().out.splitlines()[-1]

    count = 20 * len(mutants)
    assert status(judge.CAUGHT) == (0, f"{count} mutants, {count} caught, 0 explained, 0 survived")
    value, line = status(judge.SURVIVED)
    assert value == 1 and line.endswith("0 explained, 20 survived")
    value, line = status(judge.SURVIVED, [("a.c:look:1:*", "nobody can tell")])
    assert value == 1 and line.endswith("20 explained, 0 survived")  # under 95 %
    value, line = status(judge.DISCARDED)
    assert value == 0 and line.startswith(f"{count - 20} mutants, {count - 20} caught")
    del store.known["mutants"][mutants[0].id]
    assert print_table(mutants, store, (), {"a.c": C_SOURCE}) == 1  # not run

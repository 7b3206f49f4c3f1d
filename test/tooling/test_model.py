"""make model's runner notices what it is there to notice, on a model of two increments."""

import pytest

import model

COUNTER = """
byte value, done;

active [2] proctype Adder()
{
    byte seen;
#ifdef NOT_ATOMIC
    seen = value;
    value = seen + 1;
#else
    atomic { seen = value; value = seen + 1 }
#endif
    done++
}

active proctype Judge()
{
    done == 2;
    assert(value == 2)
}
"""


@pytest.fixture
def judge(tmp_path, monkeypatch):
    def run(text, mutant=None):
        path = tmp_path / "counter.pml"
        path.write_text(text, encoding="ascii")
        monkeypatch.setattr(model, "FOLDER", str(tmp_path / "search"))
        monkeypatch.setitem(model.MODELS, str(path), {mutant: "a race"})
        return model.judge(str(path), mutant)

    return run


def test_a_model_without_errors_passes_and_its_mutant_is_seen(judge):
    fine, line = judge(COUNTER)
    assert fine and "no error in any interleaving" in line
    fine, line = judge(COUNTER, "NOT_ATOMIC")
    assert fine and "seen: assertion violated (value==2)" in line


def test_an_error_fails(judge):
    fine, line = judge(COUNTER.replace("value == 2)", "value == 1)"))
    assert not fine and "assertion violated" in line


def test_a_deadlock_fails(judge):
    fine, line = judge(COUNTER.replace("done == 2;", "done == 3;"))
    assert not fine and "invalid end state" in line


def test_a_mutant_that_passes_fails(judge):
    fine, line = judge(COUNTER, "CHANGES_NOTHING")
    assert not fine and "not noticed" in line


def test_no_verdict_fails(judge):
    fine, line = judge(COUNTER.replace("byte value", "bite value"))
    assert not fine and "no verdict" in line


def test_a_search_cut_short_is_no_verdict(judge, monkeypatch):
    monkeypatch.setattr(model, "DEPTH", 3)
    fine, line = judge(COUNTER)
    assert not fine and "no verdict" in line

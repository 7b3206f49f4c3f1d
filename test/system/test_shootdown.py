"""Memory that one task changes while others use it, on four CPUs."""

import pytest

from verdicts import expect_orderly, expect_success


@pytest.mark.protection("shootdown")
@pytest.mark.protection("shootdown-wait")
def test_changed_memory_is_left_alone(booted):
    guest = booted("-- /bin/shootdown", smp=4)
    expect_success(guest, "shootdown")
    expect_orderly(guest)

"""The boots of the plan and what they are compared with: each of the unchanged kernel, made when
it is first needed, from a copy of its files. All go on from machines that are saved behind the
firmware (harness/saved.py)."""

import os
import shutil
import threading

from harness.saved import FOLDER_VARIABLE
from mutate.judge import take_reference
from mutate.tree import FOLDER

SAVED = os.path.join(FOLDER, "saved")


class Boots:
    def __init__(self, plan, trees, kept):
        self.plan, self.kept = plan, kept
        self.originals = trees[0].originals
        self._locks = {name: threading.Lock() for name in plan}
        self._references = {}
        shutil.rmtree(SAVED, ignore_errors=True)
        os.makedirs(SAVED)
        os.environ[FOLDER_VARIABLE] = SAVED
        for build in self.originals:
            shutil.copytree(trees[0].path(f"build/{build}"), folder_of(build), dirs_exist_ok=True,
                            ignore=lambda folder, names: [name for name in names if os.path.isdir(
                                os.path.join(folder, name))])

    def reference(self, name):
        with self._locks[name]:
            if name not in self._references:
                boot = self.plan[name]
                key = (boot, self.originals[boot.build])
                reference = self.kept.reference(*key) or \
                    take_reference(boot, folder_of(boot.build))
                self.kept.note_reference(*key, reference)
                print(f"boot {name}: {reference.computed:.1f} s of a processor", flush=True)
                self._references[name] = reference
            return self._references[name]


def folder_of(build):
    return os.path.join(FOLDER, f"unchanged-{build}")

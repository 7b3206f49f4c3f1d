"""The boots of the plan, each made ready when it is first needed: its saved start and its reference, a
boot of the unchanged kernel from a copy of its files."""

import os
import shutil
import threading

from mutate.judge import command_line, take_reference
from mutate.resume import Resumable
from mutate.tree import FOLDER


class Boots:
    """`from_firmware`: the loader is mutated too, so nothing can be saved before it runs."""

    def __init__(self, plan, trees, kept, from_firmware):
        self.plan, self.kept, self.from_firmware = plan, kept, from_firmware
        self.originals = trees[0].originals
        self._locks = {name: threading.Lock() for name in plan}
        self._ready = {}
        for build in self.originals:
            shutil.copytree(trees[0].path(f"build/{build}"), folder_of(build), dirs_exist_ok=True,
                            ignore=lambda folder, names: [name for name in names if os.path.isdir(
                                os.path.join(folder, name))])

    def get(self, name):
        """(Reference, Resumable or None)"""
        with self._locks[name]:
            if name not in self._ready:
                boot = self.plan[name]
                folder = folder_of(boot.build)
                start = None if self.from_firmware else Resumable(boot, command_line(boot), folder)
                key = (boot, self.originals[boot.build], self.from_firmware)
                reference = self.kept.reference(*key) or take_reference(boot, folder, start)
                self.kept.note_reference(*key, reference)
                print(f"boot {name}: {reference.computed:.1f} s of a processor", flush=True)
                self._ready[name] = reference, start
            return self._ready[name]


def folder_of(build):
    return os.path.join(FOLDER, f"unchanged-{build}")

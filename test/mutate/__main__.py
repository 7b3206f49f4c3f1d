"""`make mutate`: takes single checks out of the code that must hold; lists what no test notices.

  mutate [--files WORD...] [--mutants ID...] [--kinds KIND...] [--jobs N] [--again] [--list]

Results are kept in build/mutate/results.json: an interrupted run goes on, a mutant that was caught
is not run again while its file is the same, one that survived is. Status 0: at least 95 % are
caught and every survivor is explained in explained.toml.
"""

import argparse
import concurrent.futures
import fcntl
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness.make import forget_make
from mutate import results
from mutate.boots import Boots
from mutate.judge import SURVIVED, Judge
from mutate.results import Results, load_explained, load_plan, print_table
from mutate.sites import mutants_of
from mutate.tree import ROOT, Tree, read_text


def main():
    options = parse(sys.argv[1:])
    forget_make()
    files, boots = load_plan()
    chosen = [file for file in files if any(word in file.path for word in options.files or [""])]
    sources = {file.path: read_text(os.path.join(ROOT, file.path)) for file in chosen}
    wanted = [(file, mutant) for file in chosen
              for mutant in file.chosen(mutants_of(file.path, sources[file.path]))
              if selected(mutant, options)]
    if not wanted:
        sys.exit("mutate: no such mutant; --list shows them")
    if options.list:
        for _, mutant in wanted:
            print(mutant.id, mutant.describe(sources[mutant.path]))
        return 0
    kept = Results()
    explained = load_explained()
    open_ones = [(file, mutant) for file, mutant in wanted
                 if kept.is_open(mutant, explained, options.again or options.mutants)]
    print(f"{len(wanted)} mutants, {len(wanted) - len(open_ones)} known from before", flush=True)
    if open_ones:
        run(open_ones, boots, kept, sources, options)
    return print_table([mutant for _, mutant in wanted], kept, explained, sources)


def parse(words):
    parser = argparse.ArgumentParser(prog="mutate")
    for name in ("files", "mutants", "kinds"):
        parser.add_argument(f"--{name}", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true",
                        help="host tests and one boot: a survivor is a candidate")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    parser.add_argument("--list", action="store_true", help="show the mutants, run none")
    return parser.parse_args(words)


def selected(mutant, options):
    kind = mutant.kind.split("-")[0]
    return (not options.mutants or mutant.id in options.mutants) and \
        (not options.kinds or kind in options.kinds)


def run(wanted, boots, kept, sources, options):
    os.makedirs(os.path.dirname(results.FILE), exist_ok=True)
    alone = open(results.FILE + ".lock", "w", encoding="ascii")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("mutate: another run is using build/mutate")
    trees = [Tree(number) for number in range(min(options.jobs, len(wanted)))]
    prepared = prepare(trees, wanted, boots, kept, options)
    queue = iter(list(wanted))
    lock = threading.Lock()
    failures = []

    def work(tree):
        judge = Judge(tree, prepared, options.quick)
        while not failures:
            with lock:
                entry = next(queue, None)
            if not entry:
                break
            file, mutant = entry
            try:
                outcome, reason = judge.judge(mutant, file)
            except Exception as error:  # said by the main thread, when all have stopped
                failures.append(error)
                break
            with lock:
                kept.note(mutant, outcome, reason)
                if outcome == SURVIVED:
                    reason = mutant.describe(sources[mutant.path])
                print(f"{outcome:<9} {mutant.id} {reason}", flush=True)
        tree.restore()

    threads = [threading.Thread(target=work, args=(tree,)) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def prepare(trees, wanted, boots, kept, options):
    """Builds the unchanged kernel everywhere."""
    names = sorted({name for file, _ in wanted for name in file.boots})
    builds = {"debug", *(boots[name].build for name in names if not options.quick)}
    with concurrent.futures.ThreadPoolExecutor(len(trees)) as pool:
        list(pool.map(lambda tree: tree.build_original(builds), trees))
    return Boots(boots, trees, kept)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("mutate: interrupted; the results so far are in " + results.FILE)

"""What must hold of both files, for tests: the format's rules, and the areas of the picture."""

import re
import xml.etree.ElementTree as xml
from bisect import bisect_right
from collections import defaultdict

KEYS = {"ph", "pid", "tid", "name", "ts"}
PHASES = {"X": {"dur"}, "M": {"args"}, "C": {"args"}, "s": {"id"}, "f": {"id", "bp"}}
SVG = "{http://www.w3.org/2000/svg}"
BAR = re.compile(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-([\d.]+)z")


def nanoseconds(microseconds):
    return round(microseconds * 1000)


def complaints(document):
    """Offences of a parsed JSON file against the format; an empty list when there are none."""
    events = document["traceEvents"]
    found = [f"{event}: lacks a key" for event in events
             if not KEYS | PHASES.get(event["ph"], {"?"}) <= set(event)]
    times = [event["ts"] for event in events]
    if times != sorted(times):
        found.append("times go backwards")
    return found + overlaps(events) + loose_flows(events) + nameless(events)


def tracks(events):
    """{(pid, tid): [(begin, end, name) in ns]}"""
    found = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            begin = nanoseconds(event["ts"])
            found[event["pid"], event["tid"]].append(
                (begin, begin + nanoseconds(event["dur"]), event["name"]))
    return found


def overlaps(events):
    return [f"track {track}: slices overlap or are empty at {after[0]} ns"
            for track, slices in tracks(events).items() for before, after in zip(slices, slices[1:])
            if before[1] > after[0] or after[0] >= after[1]]


def loose_flows(events):
    """Flows that are no pair, or an end of which lies in no slice."""
    flows = defaultdict(list)
    for event in events:
        if event["ph"] in "sf":
            flows[event["id"]].append(event)
    slices = tracks(events)
    found = [f"flow {number} is no pair" for number, ends in flows.items()
             if [end["ph"] for end in ends] != ["s", "f"]]
    for end in (end for ends in flows.values() for end in ends):
        time, track = nanoseconds(end["ts"]), slices[end["pid"], end["tid"]]
        at = bisect_right(track, (time + 1,)) - 1
        if at < 0 or not track[at][0] <= time < track[at][1]:
            found.append(f"flow {end['id']} has an end in no slice")
    return found


def nameless(events):
    named = {(event["pid"], event["tid"]) for event in events if event["name"] == "thread_name"}
    return [f"track {track} has no name" for track in tracks(events) if track not in named]


def lanes_of(picture):
    """{label: {mode: area}} of every lane of the whole run, in the order of the picture."""
    found = {}
    for group in xml.fromstring(picture).iter(f"{SVG}g"):
        label = group.find(f"{SVG}text").text
        areas = {path.get("class"): sum(float(width) * float(height) for _, _, width, height, _
                                        in BAR.findall(path.get("d")))
                 for path in group.findall(f"{SVG}path")}
        if label in found:  # here begins what is enlarged
            break
        found[label] = areas
    return found

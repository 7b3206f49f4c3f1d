"""Where a source file can be changed by one step, and how. A change replaces one stretch of text
and keeps the number of lines; its id is file:function:number:kind, the number counting the
places of a function from 1.

C: conditions and their parts, bounds, statements. Assembly: instructions. What is left out, because
no run of a right kernel shows it: assertions, traces and measures of what happens.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    path: str
    function: str
    number: int
    kind: str
    start: int  # characters of the file
    end: int
    text: str  # what stands there instead
    line: int
    surroundings: str  # what its verdict was found with: the file's head, the function

    @property
    def id(self):
        return f"{self.path}:{self.function}:{self.number}:{self.kind}"

    def apply(self, source):
        return source[: self.start] + self.text + source[self.end :]

    def describe(self, source):
        before = " ".join(source[self.start : self.end].split())
        return f"line {self.line}: {before} -> {' '.join(self.text.split()) or 'nothing'}"


def mutants_of(path, source):
    """Every mutant of a file, in the order of the file."""
    places = assembly_places(source) if path.endswith((".S", ".inc")) else c_places(source)
    around = surroundings(source, places)
    found, numbers = [], {}
    for function, start, changes in places:
        numbers[function] = numbers.get(function, 0) + 1
        line = source.count("\n", 0, start) + 1
        for kind, begin, end, text in changes:
            lines = "\n" * (source.count("\n", begin, end) - text.count("\n"))
            found.append(Mutant(path, function, numbers[function], kind, begin, end, text + lines,
                                line, around[function]))
    return found


def surroundings(source, places):
    """{function: the text before all places, and from its first place to the next function's}"""
    firsts = [place for before, place in zip([("",), *places], places) if before[0] != place[0]]
    ends = [start for _, start, _ in firsts[1:]] + [len(source)]
    around = {}
    for (function, start, _), end in zip(firsts, ends):
        head = around.get(function, source[: firsts[0][1]])
        around[function] = head + source[start:end]
    return around


# C. The text is clang-format's: a function's braces stand alone in the first column.

HIDDEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
BODY = re.compile(r"^\{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
KEYWORD = re.compile(r"\b(if|while|for)\b *(?=\()")
VALUE = re.compile(r"(?:\breturn\b|\bbool \w+ =)(?=[\s(!])")
COMPARISON = re.compile(r"(?<![<>=!-])([<>])(=?)(?![<>=])")
LOGIC = re.compile(r"&&|\|\||==|!=|!(?!=)|(?<![<>-])[<>](?![<>])")
CALL = re.compile(r"(?:\(void\)!?)?([a-z_][\w.]*(?:->\w+)*)\s*(?=\()")
TARGET = r"[*(]*[a-z_]\w*(?:(?:->|\.)\w+|\[[^\]]*\]|\))*"
ASSIGNMENT = re.compile(rf"{TARGET}\s*[-+|&^]?=(?!=)|{TARGET}(?:\+\+|--)\s*;")
STATEMENT = re.compile(r"(?:(?<=[;{}])|(?<=\belse))\s*(?=[a-z_*(])")
UNSEEN = re.compile(r"\w*assert|check_entry_flags|check_frame|trace|latency_|note_longest|"
                    r"preempt_point")
SWITCH = re.compile(r"!?(PROTECT_\w+|DEBUG_CHECKS)")  # of the build, no check
NOT_CALLS = {"if", "while", "for", "switch", "return", "sizeof", "else", "do", "goto", "break",
             "continue", "case", "default"}
CLOSING = {"(": ")", "[": "]", "{": "}"}


def c_places(source):
    """[(function, start, [(kind, start, end, new text)])]"""
    visible = HIDDEN.sub(lambda match: blank(match[0]), source)
    places = []
    for body in BODY.finditer(visible):
        function = function_name(visible, body.start())
        if not function:
            continue
        found = [*conditions(visible, *body.span(1)), *values(visible, *body.span(1)),
                 *choices(visible, *body.span(1)), *statements(visible, *body.span(1))]
        inside_assertion = [span for span in assertions(visible, *body.span(1))]
        for start, changes in sorted(found, key=lambda place: place[0]):
            if changes and not any(first <= start < last for first, last in inside_assertion):
                places.append((function, start, [(kind, begin, end, fill(source, text))
                                                 for kind, begin, end, text in changes]))
    return places


def fill(source, pieces):
    """A new text is given in pieces: words, and stretches of the source."""
    return "".join(piece if isinstance(piece, str) else source[slice(*piece)] for piece in pieces)


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def function_name(visible, brace):
    head = visible[:brace].rstrip("\n")
    head = head[max(head.rfind("\n\n"), head.rfind("}\n"), head.rfind(";\n")) + 1 :]
    match = re.search(r"(\w+)\(", re.sub(r"^#.*$", "", head, flags=re.MULTILINE))
    return match and match[1]


def closing(visible, start):
    """Behind the bracket that closes the one at `start`."""
    depth = 0
    for position in range(start, len(visible)):
        if visible[position] in "([{":
            depth += 1
        elif visible[position] in ")]}":
            depth -= 1
            if depth == 0:
                return position + 1
    raise ValueError("a bracket is not closed")


def trim(visible, start, end):
    while start < end and visible[start].isspace():
        start += 1
    while end > start and visible[end - 1].isspace():
        end -= 1
    return start, end


def split(visible, start, end, separator):
    """The stretches between separators outside brackets."""
    parts, depth, begin, position = [], 0, start, start
    while position < end:
        if visible[position] in "([{":
            depth += 1
        elif visible[position] in ")]}":
            depth -= 1
        elif depth == 0 and visible.startswith(separator, position):
            parts.append(trim(visible, begin, position))
            begin = position = position + len(separator)
            continue
        position += 1
    return [*parts, trim(visible, begin, end)]


def forced(kind, span, value):
    """Evaluated as before, but its result is this."""
    operator = "|| true" if value else "&& false"
    return (kind, *span, ["((", span, f") {operator})"])


def operand_changes(visible, start, end):
    """One operand of || never holds, one of && always does; so for each part of a part."""
    start, end = unwrap(visible, start, end)
    for separator, value in (("||", False), ("&&", True)):
        parts = split(visible, start, end, separator)
        if len(parts) > 1:
            changes = []
            for part in parts:
                if not SWITCH.fullmatch(visible, *part):
                    changes.append((part, value))
                changes += operand_changes(visible, *part)
            return changes
    return []


def unwrap(visible, start, end):
    """Without likely(), unlikely(), ! and brackets around all of it."""
    while True:
        start, end = trim(visible, start, end)
        match = re.compile(r"(?:!|unlikely|likely)?(?=\()").match(visible, start, end)
        if not match or closing(visible, match.end()) != end:
            return start, end
        start, end = match.end() + 1, end - 1


def condition_changes(visible, span, values_made):
    if SWITCH.fullmatch(visible, *span):
        return []
    changes = [forced("always" if value else "never", span, value) for value in values_made]
    for number, (part, value) in enumerate(operand_changes(visible, *span), 1):
        changes.append(forced(f"without-{number}", part, value))
    # A chain that is true only as a whole, or false: its parts above say more than that.
    joined = "||" if len(split(visible, *unwrap(visible, *span), "||")) > 1 else "&&"
    if any(kind.startswith("without") for kind, *_ in changes):
        spared = "never" if joined == "||" else "always"
        changes = [change for change in changes if change[0] != spared]
    return changes + bound_changes(visible, *span)


def bound_changes(visible, start, end):
    """One further, or one less: < and <=, > and >= change places."""
    changes = []
    for number, match in enumerate(COMPARISON.finditer(visible, start, end), 1):
        changes.append((f"bound-{number}", *match.span(), [match[1] + ("" if match[2] else "=")]))
    return changes


def conditions(visible, start, end):
    for match in KEYWORD.finditer(visible, start, end):
        behind = closing(visible, match.end())
        span = (match.end() + 1, behind - 1)
        if match[1] == "for":
            parts = split(visible, *span, ";")
            span = parts[1]
        if span[0] < span[1]:
            made = (False, True) if match[1] == "if" else (False,)
            yield span[0], condition_changes(visible, span, made)


def values(visible, start, end):
    for match in VALUE.finditer(visible, start, end):
        span = trim(visible, match.end(), statement_end(visible, match.end()))
        outside = re.sub(r"\([^()]*\)", "", visible[slice(*span)])
        if "?" not in outside and LOGIC.search(outside):
            yield span[0], condition_changes(visible, span, (False, True))


def choices(visible, start, end):
    """The conditions of `?`."""
    for match in re.finditer(r"\?", visible[start:end]):
        last = position = start + match.start()
        depth = 0
        while position > start:
            before = visible[position - 1]
            if before in ")]}":
                depth += 1
            elif before in "([{":
                if depth == 0:
                    break
                depth -= 1
            elif depth == 0 and (before in ",;:?" or visible[position - 6 : position] == "return" or
                                 re.match(r"[^=!<>]=[^=]", visible[position - 2 : position + 1])):
                break
            position -= 1
        span = trim(visible, position, last)
        yield span[0], condition_changes(visible, span, (False, True))


def statement_end(visible, start):
    """Or of the third part of a `for`."""
    position = start
    while visible[position] not in ";)":
        position = closing(visible, position) if visible[position] in "([{" else position + 1
    return position


def starts_of_statements(visible, start, end):
    yield from (match.end() for match in STATEMENT.finditer(visible, start, end))
    first = trim(visible, start, end)[0]
    yield first
    for match in KEYWORD.finditer(visible, start, end):
        yield trim(visible, closing(visible, match.end()), end)[0]


def statements(visible, start, end):
    """Calls whose value nobody takes, and assignments to what was there before."""
    for position in sorted(set(starts_of_statements(visible, start, end))):
        call = CALL.match(visible, position, end)
        assignment = ASSIGNMENT.match(visible, position, end)
        if call and (call[1] in NOT_CALLS or UNSEEN.match(call[1])) or not (call or assignment):
            continue
        last = statement_end(visible, position)
        if call and closing(visible, call.end()) == last:
            yield position, [("drop", position, last, [])]
        elif assignment:
            yield position, [("drop", position, last, [])]


def assertions(visible, start, end):
    for match in re.compile(r"\b(?:kassert|_Static_assert|static_assert|trace)\(").finditer(
            visible, start, end):
        yield match.start(), closing(visible, match.end() - 1)


# Assembly.

LABEL = re.compile(r"(?:LOCAL_FUNCTION|FUNCTION)\((\w+)(?:\\\w+)?\)|([A-Za-z_][\w\\]*|\\\w+):")
MACRO = re.compile(r"\s*\.macro (\w+)")
NO_INSTRUCTION = r"(?!(?:END|FUNCTION|LOCAL_FUNCTION)\b)"
LEFT_OUT = re.compile(r"#if (DEBUG_CHECKS|!PROTECT_)")
INSTRUCTION = re.compile(rf"([0-9]+:|\\?\w+:)?\s*({NO_INSTRUCTION}[a-zA-Z\\]\w*)\b([^\n]*)")
OPPOSITE = {"jz": "jnz", "jnz": "jz", "je": "jne", "jne": "je", "jb": "jae", "jae": "jb",
            "ja": "jbe", "jbe": "ja"}


def assembly_places(source):
    visible = HIDDEN.sub(lambda match: blank(match[0]), source)
    places, function, position = [], "start", 0
    is_left_out = in_data = False
    for line in visible.splitlines(keepends=True):
        macro, label = MACRO.match(line), LABEL.match(line)
        if macro:
            function = macro[1]
        elif label and not line.startswith("."):
            function = (label[1] or label[2]).strip("\\")
        if line.startswith("#if"):
            is_left_out = bool(LEFT_OUT.match(line))
        elif line.startswith("#endif"):
            is_left_out = False
        in_data = (".rept" in line or in_data) and ".endr" not in line
        match = INSTRUCTION.match(line)
        if match and not line.startswith(("#", "    .")) and not is_left_out and \
                line[:1] in " 0123456789" and function != "CHECK_KEPT":
            start, end = trim(visible, position + match.start(2), position + len(line))
            changes = [("drop", start, end, "")]
            opposite = OPPOSITE.get(match[2])
            if opposite:
                changes.append(("invert", start, start + len(match[2]), opposite))
            places.append((function, start, changes))
        position += len(line)
    return places

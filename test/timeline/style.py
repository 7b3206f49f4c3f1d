"""Colours and type of the picture, for light and for dark."""

LIGHT = {
    "paper": "#ffffff", "ink": "#1c2128", "faint": "#59636e", "grid": "#dfe3e8",
    "ground": "#f5f6f8", "user": "#2f6fde", "kernel": "#f08c00", "interrupt": "#c2185b",
    "idle": "#d9dde3", "ready": "#c3d8fa", "switch": "#1c2128", "wake": "#1a7f37",
    "counter": "#8b95a1", "on-user": "#ffffff", "on-kernel": "#241500", "on-interrupt": "#ffffff",
    "on-idle": "#59636e",
}
DARK = {
    "paper": "#0f1318", "ink": "#e6e9ed", "faint": "#9aa4af", "grid": "#2a313a",
    "ground": "#161b22", "user": "#4f92ff", "kernel": "#ffa733", "interrupt": "#ff5c96",
    "idle": "#343c47", "ready": "#213a66", "switch": "#e6e9ed", "wake": "#4ade80",
    "counter": "#6b7682", "on-user": "#06152e", "on-kernel": "#241500", "on-interrupt": "#2b0012",
    "on-idle": "#9aa4af",
}


def variables(colours):
    return "".join(f"--{name}:{value};" for name, value in colours.items())


def head(kind):
    """The point of an arrow."""
    return (f'<marker id="{kind}-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
            f'markerHeight="6" orient="auto"><path class="{kind}-head" d="M0 0L8 4L0 8z"/>'
            "</marker>")


FILLS = ("user", "kernel", "interrupt", "idle", "ready", "counter")
RULES = "".join(f".{name}{{fill:var(--{name})}}" for name in FILLS)
RULES += "".join(f".on-{name}{{fill:var(--on-{name});font-size:11px}}" for name in FILLS[:4])
RULES += "".join(f".{name}{{stroke:var(--{name})}}.{name}-head{{fill:var(--{name});stroke:none}}"
                 for name in ("switch", "wake"))

STYLE = f"""<style>
svg{{{variables(LIGHT)}color-scheme:light dark;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:13px}}
@media (prefers-color-scheme:dark){{svg{{{variables(DARK)}}}}}
{RULES}
text{{fill:var(--ink)}}
.title{{font-size:22px;font-weight:650}}
.panel{{font-size:15px;font-weight:600}}
.about,.axis{{fill:var(--faint)}}
.axis{{font-size:11px}}
.number{{font-size:12px;font-variant-numeric:tabular-nums}}
.number-head{{font-size:12px;fill:var(--faint)}}
.paper{{fill:var(--paper)}}
.lane-ground{{fill:var(--ground)}}
.legend-box{{stroke:var(--grid)}}
.grid{{stroke:var(--grid)}}
.counter-line{{fill:none;stroke:var(--counter);stroke-width:1.5}}
.why{{font-size:10px;fill:var(--faint)}}
.mark{{fill:var(--ink)}}
path{{shape-rendering:crispEdges}}
marker path,.mark{{shape-rendering:auto}}
.switch,.wake{{stroke-width:1.2}}
.wake{{stroke-dasharray:3 2}}
</style>
<defs>{head("switch")}{head("wake")}</defs>"""

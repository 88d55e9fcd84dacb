"""Who may import whom (design.md section 3), how long a module may be, and what a box must never load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("parvis", "contract", "edge", "server", "models", "bench", "sample_videos")

EDGE_CORE = {
    "records", "geometry", "zones", "yolo", "track", "presence", "flow", "parking",
    "assignment", "similarity", "kalman", "counters", "closing", "errors",
    "anchor", "drift", "letterbox", "look", "crossing", "track_state", "ground", "ground_points", "motion", "grid",
    "vitals", "remedies", "pulse", "exposition", "ledger", "place_figures", "box_figures", "healthz", "doctor_line",
    "gate", "turns", "pace", "timeline", "provisional", "grid_loose", "sight", "smear", "faults", "alignment",
    "spool_pack", "spool_merge", "measured", "dry_run", "findings", "lint_geometry", "line_lint", "bay_lint", "zone_lint", "totals", "compare", "regions",
    "redaction", "support",
    "boxes", "cases", "debris", "foreign", "steadiness", "still", "stopped", "telling",
}  # fmt: skip
# The composition root: it alone may bring adapters together.
EDGE_ROOT = {"cli", "replay", "replay_report", "service", "station", "overlay", "outbox_cli", "grid_keeping", "ground_report",
    "cli_parts", "zones_cli", "zone_check", "compare_cli", "purpose_log", "blur", "blur_cli",
    "vigil", "vital_signs", "doctor", "doctor_camera", "doctor_cli", "sharing", "holding", "timekeeping", "watching",
    "support_cli", "support_gather", "road", "case_keeping",
}  # fmt: skip
SERVER_CORE = {
    "reports",
    "errors",
    "suppression",
    "public_table",
    "retention",
    "week",
    "comparison",
    "ranking",
    "chance",
    "bands",
    "fullness",
    "forecast",
    "backtest",
    "kriging",
    "sites",
    "pictures",
    "calendar",
    "calendar_files",
    "calendar_csv",
    "calendar_ics",
    "attention",
    "schedule",
    "scopes",
    "report_parts",
    "report_tables",
    "report_says",
    "report_document",
    "report_pictures",
    "alerts",
    "simulate",
    "simulate_body",
    "simulate_cases",
    "simulate_demand",
    "simulate_faults",
    "simulate_grid",
    "simulate_plan",
    "simulate_series",
    "simulate_town",
    "simulate_world",
    "days",
    "spans",
    "ground_area",
    "overlap",
    "coverage",
    "fleet",
    "changes",
    "presence",
    "onplan",
    "pairs",
    "placing",
    "unsubscribing",
    "answering",
    "atom",
    "cloud_events",
    "links",
    "signing",
    "targets",
    "telling",
    "notices",
    "notice_intake",
    "notice_place",
    "notice_rules",
    "open311",
    "open311_documents",
    "open311_place",
    "tallies",
}
# One adapter in two files: the second is a part of the first.
PARTS = {
    ("edge.config", "edge.yaml_errors"),
    ("edge.camera", "edge.capture"),
    ("edge.courier", "edge.uplink"),
    ("edge.camera", "edge.decode"),
    ("edge.camera", "edge.video_file"),
    ("edge.camera", "edge.sources"),
    ("edge.capture", "edge.decode"),
    ("edge.capture", "edge.readers"),
    ("edge.connector", "edge.decode"),
    ("edge.ffmpeg_pipe", "edge.decode"),
    ("edge.readers", "edge.connector"),
    ("edge.readers", "edge.decode"),
    ("edge.readers", "edge.ffmpeg_pipe"),
    ("edge.sources", "edge.decode"),
    ("edge.sources", "edge.video_file"),
    ("edge.video_file", "edge.decode"),
    ("edge.detect", "edge.model_file"),
    ("edge.detect", "edge.session"),
    ("edge.faces", "edge.model_file"),
    ("edge.faces", "edge.session"),
    ("edge.plates", "edge.model_file"),
    ("edge.plates", "edge.session"),
    ("edge.privacy_blur", "edge.carry"),
    ("edge.spool", "edge.spool_cap"),
    ("edge.spool", "edge.spool_file"),
    ("edge.spool", "edge.spool_keeping"),
    ("edge.spool", "edge.spool_memory"),
    ("edge.spool", "edge.spool_rows"),
    ("edge.spool", "edge.spool_settle"),
    ("edge.spool", "edge.spool_sql"),
    ("edge.spool_cap", "edge.spool_rows"),
    ("edge.spool_cap", "edge.spool_schema"),
    ("edge.spool_file", "edge.spool_repair"),
    ("edge.spool_file", "edge.spool_sql"),
    ("edge.spool_keeping", "edge.spool_sql"),
    ("edge.spool_letters", "edge.spool_repair"),
    ("edge.spool_letters", "edge.spool_rows"),
    ("edge.spool_letters", "edge.spool_schema"),
    ("edge.spool_letters", "edge.spool_sql"),
    ("edge.spool_memory", "edge.spool_rows"),
    ("edge.spool_memory", "edge.spool_settle"),
    ("edge.spool_repair", "edge.spool_rescue"),
    ("edge.spool_repair", "edge.spool_schema"),
    ("edge.spool_repair", "edge.spool_sql"),
    ("edge.spool_pages", "edge.spool_schema"),
    ("edge.spool_repair", "edge.spool_pages"),
    ("edge.spool_rescue", "edge.spool_keeping"),
    ("edge.spool_rescue", "edge.spool_pages"),
    ("edge.spool_rescue", "edge.spool_rows"),
    ("edge.spool_rescue", "edge.spool_schema"),
    ("edge.spool_rescue", "edge.spool_sql"),
    ("edge.spool_rows", "edge.spool_schema"),
    ("edge.spool_rows", "edge.spool_sql"),
    ("edge.spool_schema", "edge.spool_sql"),
    ("edge.spool_settle", "edge.spool_rows"),
    ("edge.spool_settle", "edge.spool_sql"),
    ("edge.spool_view", "edge.spool_rows"),
    ("edge.spool_view", "edge.spool_schema"),
    ("edge.spool_view", "edge.spool_sql"),
}
PURE = {"numpy", "pydantic", "contract"} | (
    set(sys.stdlib_module_names) - {"socket", "time", "os", "io", "shutil"}
)


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Every module a file imports, but for type checking only."""
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(ast.parse(path.read_text()))
    return found


def top(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


@pytest.mark.parametrize(
    "path", [p for k in PACKAGES for p in modules(k)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_packages_keep_apart(path: Path) -> None:
    home = top(name_of(path))
    used = {top(name) for name in imports(path)} & {*PACKAGES, "tests"}
    allowed = {
        "contract": {"contract"},
        "edge": {"contract", "edge"},
        "server": {"contract", "server"},
        "models": {"models", "contract", "edge", "bench"},
        "sample_videos": {"sample_videos"},
        "parvis": {"parvis", "contract", "edge", "server", "sample_videos"},
        "bench": set(PACKAGES),
    }[home]
    assert used <= allowed, f"{path} may not import {used - allowed}"


@pytest.mark.parametrize("path", modules("edge"), ids=lambda p: p.stem)
def test_layers_of_the_box(path: Path) -> None:
    own = {
        name
        for name in imports(path)
        if name.startswith("edge.") and (ROOT / f"{name.replace('.', '/')}.py").exists()
    }
    used = {name.split(".")[1] for name in own}
    name = path.stem
    if name in EDGE_CORE or name == "pipeline":
        assert used <= EDGE_CORE, f"core {name} imports {used - EDGE_CORE}"
        foreign = {top(item) for item in imports(path)} - PURE - {"edge", "__future__"}
        assert not foreign, f"core {name} touches the world: {foreign}"
    elif name not in EDGE_ROOT:
        others = {item for item in used - EDGE_CORE if (f"edge.{name}", f"edge.{item}") not in PARTS}
        assert not others, f"adapter {name} imports {others}"


def test_every_module_of_the_box_has_a_layer() -> None:
    known = EDGE_CORE | EDGE_ROOT | {"pipeline", "__init__"}
    known |= {
        "config",
        "camera",
        "detect",
        "background",
        "privacy_blur",
        "preview",
        "encode",
        "faces",
        "plates",
        "stillness",
        "spool",
        "spool_letters",
        "spool_view",
        "uplink",
        "token_file",
        "courier",
        "status_page",
        "health",
        "boxclock",
        "server_time",
        "view",
    }
    known |= {second.split(".")[1] for _, second in PARTS}
    assert {path.stem for path in modules("edge")} <= known


@pytest.mark.parametrize("name", sorted(SERVER_CORE))
def test_core_of_the_server_is_pure(name: str) -> None:
    path = ROOT / "server" / f"{name}.py"
    foreign = {top(item) for item in imports(path)} - PURE - {"server", "__future__", "idna"}
    assert not foreign, f"core {name} touches the world: {foreign}"


@pytest.mark.parametrize(
    "path", [p for k in PACKAGES for p in modules(k)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_rooms_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300, "a module has at most 300 lines (design.md section 3)"


FORBIDDEN = {
    "edge.replay": ("torch", "ultralytics", "fastapi", "sqlite_utils", "supervision", "matplotlib", "scipy"),
    "edge.service": ("torch", "ultralytics", "fastapi", "sqlite_utils", "supervision", "matplotlib", "scipy"),
    "server.app": ("cv2", "onnxruntime", "av", "torch", "edge"),
}


@pytest.mark.parametrize("module", sorted(FORBIDDEN))
def test_what_must_not_be_loaded(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & set({FORBIDDEN[module]!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""

"""What a person meets first: help that is quick, and mistakes that are told plainly and leave nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

import flows.cli.main
from flows.cli.faults import explain
from flows.cli.main import app, main
from flows.deciding import BadFile, read_applications

LENDLOOP = Path(sys.executable).with_name("lendloop")
SLOW = {
    "rich",
    "pydantic",
    "polars",
    "pandas",
    "numpy",
    "prefect",
    "mlflow",
    "feast",
    "evidently",
    "bentoml",
    "catboost",
}
NEW = ("portfolio", "new", "p", "--id", "id", "--time", "day", "--label", "bad", "--from")
FILES = {
    "zero.csv": b"",
    "header.csv": b"id,day,x,bad\n",
    "one_class.csv": b"id,day,x,bad\n1,2024-01-01,3,0\n2,2024-01-02,4,0\n",
    "binary.csv": b"a\0\xff\xfe\x81" * 100,
    "broken.csv.gz": b"\x1f\x8bxx",
    "broken.parquet": b"junk",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def lendloop(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LENDLOOP_")}
    return subprocess.run(
        [LENDLOOP, *words], cwd=folder, env=inherited | settings, capture_output=True, text=True, timeout=60
    )


def test_help_imports_nothing_slow(tmp_path: Path) -> None:
    # The set of modules is what makes it quick; a clock would only measure the machine.
    script = (
        "import sys; sys.argv = ['lendloop', '--help']\n"
        "from flows.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    assert not loaded & SLOW


def test_no_description_of_a_command_is_cut_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(app, ["--help"], prog_name="lendloop").stdout.partition("Commands:")[2]
    assert "portfolio" in shown
    assert "..." not in shown


MISTAKES = [
    ((*NEW, "."), ".: is a folder; expected a .csv"),
    ((*NEW, "zero.csv"), "zero.csv: is empty"),
    ((*NEW, "header.csv"), "header.csv: has a header and no rows"),
    ((*NEW, "one_class.csv"), "expected exactly two"),
    ((*NEW, "binary.csv"), "binary.csv: is not text"),
    ((*NEW, "broken.csv.gz"), "broken.csv.gz: cannot be read"),
    ((*NEW, "broken.parquet"), "broken.parquet: cannot be read as Parquet"),
    (("run", "month", "-p", "nope", "--as-of", "2024-01-31"), "no portfolio 'nope'"),
    (("run", "nope", "-p", "p", "--as-of", "2024-01-31"), "'nope' is not one of 'ingest'"),
    (("run", "month", "-p", "p", "--as-of", "yesterday"), "'yesterday' does not match"),
    (("run", "ingest", "-p", "p", "--as-of", "9999-12-31"), "expected a date of the years 1900 to 2199"),
    (("decide-book", "-p", "p", "--as-of", "0001-01-01", "--out", "x"), "expected a date of the years 1900 to 2199"),
    (("decide", "nope.csv", "-p", "nope"), "no portfolio 'nope'"),
    (("report", "list", "-p", "nope"), "no portfolio 'nope'"),
    (("decide", "nope.csv", "-p", "nope", "--out", "x.bad"), "x.bad: found ending '.bad'"),
    (("decide", "nope.csv", "-p", "nope", "--out", "nope/x.csv"), "nope: no such folder"),
    (("demo", "-p", "nope"), "found ['nope']"),
]


@pytest.mark.parametrize(("words", "expected"), MISTAKES)
def test_a_mistake_is_told_plainly_and_leaves_nothing(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    expected: str,
) -> None:
    # What a process of its own would run, in this one: one a mistake would import everything anew.
    for name in [name for name in os.environ if name.startswith("LENDLOOP_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setattr(sys, "argv", ["lendloop", *words])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capfd.readouterr()
    told_plainly(folder, int(ended.value.code or 0), said.out, said.err, expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [((*NEW, "nope.csv"), "nope.csv: no such file"), (("serve",), "there is no release to serve")],
)
def test_a_mistake_ends_the_process_of_the_command(folder: Path, words: tuple[str, ...], expected: str) -> None:
    done = lendloop(folder, *words)
    told_plainly(folder, done.returncode, done.stdout, done.stderr, expected)


def told_plainly(folder: Path, code: int, out: str, err: str, expected: str) -> None:
    assert code in (1, 2)
    assert expected in err
    assert "Traceback" not in out + err
    assert {path.name for path in folder.iterdir()} == set(FILES)


def test_ctrl_c_says_what_was_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    interrupted = Typer()

    @interrupted.command()
    def work() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(flows.cli.main, "app", interrupted)
    monkeypatch.setattr(sys, "argv", ["lendloop"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit, match="130"):
        main()
    assert "stopped: what was finished is kept" in capsys.readouterr().err


def test_a_value_of_a_persons_row_is_not_in_a_message(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("entity_id,amount\n" + "1,2\n" * 200 + "1,Jane Doe\n")
    with pytest.raises(BadFile, match=r"people\.csv: row 201: amount: expected a number") as caught:
        read_applications(file, "int")
    assert "Jane" not in explain(caught.value)


def test_a_setting_that_cannot_be_read_is_named(folder: Path) -> None:
    done = lendloop(folder, "run", "month", "-p", "p", "--as-of", "2024-01-31", LENDLOOP_PORT="abc")
    assert done.returncode == 1
    assert "LENDLOOP_PORT" in done.stderr
    assert "Traceback" not in done.stderr

from pathlib import Path

import pytest

from flows.consenting import record_consent, show_consents
from flows.workspace import open_workspace
from serving.consents import BadConsent

NAME = "taiwan_cards"


@pytest.mark.parametrize("entity", ["01", "abc", " ", ""])
def test_a_word_is_of_somebody_whom_decisions_can_be_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], entity: str
) -> None:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    with pytest.raises(BadConsent, match="an integer without leading zeros"):
        record_consent(NAME, entity, "credit", "withdrawn", "a call", "", "ann")
    with pytest.raises(BadConsent, match="an integer"):
        show_consents(NAME, entity)
    record_consent(NAME, "1", "credit", "withdrawn", "a call", "", "ann")
    show_consents(NAME, "1")
    assert "withdrawn: recorded" in capsys.readouterr().out
    assert open_workspace(NAME).log.head().records == 1

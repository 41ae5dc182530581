"""``ternstone train``: a short training end to end, interrupted and resumed."""

from pathlib import Path

import pytest

from golden.modelfile import load
from ternstone import training

NAME = "digits-lstm-ternary"


def test_train(ternstone, tmp_path):
    answer = ternstone("train", NAME, "--epochs", "1", "-o", "made", "--json")
    assert answer.status == 0, answer.err
    assert answer.json["model"] == str(Path("made", f"{NAME}.safetensors"))
    assert {"accuracy_float", "accuracy_integer"} <= set(answer.json["figures"])
    block, params, _, info = load(tmp_path / answer.json["model"])
    assert (block, params.layers[0].weights) == ("lstm.network", "ternary")
    assert info["figures"] == answer.json["figures"]
    assert not list((tmp_path / "build").rglob("*.checkpoint"))  # all done
    # What was trained is a model like any other.
    made = ternstone("generate", "--model", answer.json["model"], "--json")
    assert made.json["design"] == NAME


def test_interrupted_training_goes_on(ternstone, tmp_path, monkeypatch):
    """The checkpoint of golden's training loop stays after an interruption, and goes at the end."""
    seen = []

    def make_model(name, folder, *, seed, epochs, progress, resume):
        start = int(resume.read_text()) if resume.exists() else 0
        for epoch in range(start, 3):
            progress(epoch + 1, 3, {"loss": 0.5})
            seen.append(epoch)
            resume.parent.mkdir(parents=True, exist_ok=True)
            resume.write_text(str(epoch + 1))
            if seen == [0, 1]:
                raise KeyboardInterrupt
        return folder / name, {"figures": {"accuracy": 97.5}, "held_out": "split 0",
                               "data": "digits"}

    monkeypatch.setattr(training, "resolve", lambda target: make_model)
    assert ternstone("train", NAME).status == 130
    answer = ternstone("train", NAME)
    assert answer.status == 0
    assert seen == [0, 1, 2]
    assert "97.5" in answer.out
    assert not list((tmp_path / "build").rglob("*.checkpoint"))


def test_foreign_checkpoint(ternstone, tmp_path):
    path = tmp_path / "build" / "train" / f"{NAME}-0-1.checkpoint"
    path.parent.mkdir(parents=True)
    path.write_text("not a checkpoint")
    answer = ternstone("train", NAME, "--epochs", "1", "-o", "made")
    assert answer.status == 2
    assert answer.err.startswith(f"error: Training {NAME}: Checkpoint ")
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("arguments, message", [
    (["--epochs", "0"], "error: --epochs must be at least 1, not 0\n"),
    (["--seed", "-1"], "error: --seed must be at least 0, not -1\n"),
    (["-o", "file"], "error: Folder file must be a folder, which it is not\n"),
])
def test_wrong(ternstone, tmp_path, arguments, message):
    (tmp_path / "file").touch()
    answer = ternstone("train", NAME, *arguments)
    assert (answer.status, answer.err) == (2, message)

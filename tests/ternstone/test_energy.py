"""``ternstone energy``: a design's layers, precisions compared, and every wrong word."""

import pytest

from ternstone.designs import open_design
from ternstone.energy import layers_of
from tests.ternstone.words import assert_one_line


def test_layers_are_the_networks():
    """Every product that the hardware would make without skipping."""
    recurrent = layers_of(open_design("digits-lstm-ternary", None, {}))
    assert [layer.macs for layer in recurrent] == [8 * 4 * 64 * (8 + 64), 10 * 64]
    design = open_design("digits-sparse-cnn", None, {})
    layers = layers_of(design)
    assert sum(layer.macs for layer in layers) == design.block.params.network.macs
    assert [layer.weights for layer in layers] == [
        own["weight"].size for own in design.block.own]
    for before, after in zip(layers, layers[1:], strict=False):
        assert before.outputs == after.inputs


def test_precisions(ternstone):
    made = ternstone("energy", "digits-sparse-cnn", "--bits", "8,4,8", "--json").json
    first, second, third = made["runs"]
    assert first["layers"] == third["layers"] and first["relative"] == third["relative"] == 1
    # Half the bits: a multiply-accumulate of 2**-1.25, and the image as it was.
    assert second["compute"] == pytest.approx(first["compute"] * 2**-1.25)
    assert second["off_chip"] == first["off_chip"] == 20 * 64 * 8
    answer = ternstone("energy", "digits-sparse-cnn", "--bits", "8,4")
    assert "relative" in answer.out and "not verified" in answer.err
    assert "layer 2" in ternstone("energy", "digits-sparse-cnn").out


def test_table(ternstone, tmp_path):
    (tmp_path / "own.csv").write_text("name,macs,weights,inputs,outputs\nfc,100,100,10,10\n")
    made = ternstone("energy", "--table", "own.csv", "--sram-kbit", 0, "--json").json
    assert made["runs"][0]["off_chip"] == 20 * (10 * 8 + 100 * 8 + 20 * 8)


@pytest.mark.parametrize("arguments, message", [
    (["factor-5x5"], r"Block of factor-5x5 must be one of .*, not invertible\.search .*--table.*"),
    (["digits-sparse-cnn", "--bits", "4,x"], r"--bits must be integers, as 1,2,4,8, not '4,x'"),
    (["digits-sparse-cnn", "--bits", "0"], r"--bits: Layer weight_bits must be between 1 and 32.*"),
    (["digits-sparse-cnn", "--table", "x.csv"], r"--table takes no design, --model or --param"),
    (["--table", "x.csv"], r"x\.csv: no such file or directory"),
    (["digits-sparse-cnn", "--constants", "x.json"], r"x\.json: no such file or directory"),
    (["digits-sparse-cnn", "--sram-kbit", -1], r"--sram-kbit must be at least 0, not -1"),
    ([], r"A design must be given once.*")])
def test_wrong_words(ternstone, arguments, message):
    assert_one_line(ternstone("energy", *arguments), message)

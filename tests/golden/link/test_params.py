import pytest

from golden.link.params import LinkParams, SpiParams, UartParams

GOOD = {"clock": 12_000_000, "input_bytes": 2, "input_beats": 8, "output_bytes": 1,
        "output_beats": 3}


@pytest.mark.parametrize("clock", [12_000_000, 25_000_000, 48_000_000, 100_000_000])
@pytest.mark.parametrize("baud", [9600, 115_200, 921_600, 1_000_000, 1_500_000, 3_000_000])
def test_uart_rate(clock, baud):
    if baud * 8 > clock:
        with pytest.raises(ValueError, match=f"^UART baud must be at most {clock // 8} "):
            UartParams(clock, baud)
        return
    params = UartParams(clock, baud)
    assert abs(params.error) <= 0.002
    assert params.step * clock / 2**params.phase_bits == pytest.approx(baud, rel=0.002)
    assert 0.02 < params.tolerance < 0.053


@pytest.mark.parametrize("make, message", [
    (lambda: UartParams(0, 9600), r"UART clock must be between 1 and 1000000000, not 0"),
    (lambda: UartParams(1.5, 9600), r"UART clock must be an int, not 1\.5"),
    (lambda: UartParams(12_000_000, 0), r"UART baud must be at least 1, not 0"),
    (lambda: UartParams(12_000_000, 3_000_000),
     r"UART baud must be at most 1500000 \(clock / 8\), not 3000000 \(slow the line down\)"),
    (lambda: SpiParams(12_000_000, 2_000_000),
     r"SPI sck must be at most 1500000 \(clock / 8\), not 2000000 \(slow the line down\)"),
])
def test_wrong_line(make, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        make()


@pytest.mark.parametrize("changes, message", [
    ({"clock": 0}, "Link clock must be between 1 and 1000000000, not 0"),
    ({"input_bytes": 0}, "Link input_bytes must be at least 1, not 0"),
    ({"output_beats": True}, "Link output_beats must be an int, not True"),
    ({"load_bytes": 4}, "Link load_beats must be at least 1, not 0"),
    ({"load_beats": 4}, "Link load_beats must be between 0 and 0, not 4"),
    ({"digest": "xyz"}, "Link digest must be 12 hexadecimal digits, not 'xyz'"),
    ({"depth": 500}, "Link depth must be a power of two, not 500"),
    ({"depth": 128}, "Link depth must be between 256 and 65536, not 128"),
    ({"input_beats": 300},
     "Link depth must be at least 1024 for packets of 600 bytes, not 512"),
    ({"input_beats": 40000}, "Link frame must be between 1 and 65535, not 80000"),
    ({"queued": 1}, "Link queued must be a bool, not 1"),
    ({"several": 1}, "Link several must be a bool, not 1"),
    ({"several": True}, "Link must be queued for frames of several lengths"),
    ({"several": True, "queued": True, "input_bytes": 3},
     "Link input_bytes must be a power of two for frames of several lengths, not 3"),
])
def test_wrong_link(changes, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        LinkParams(**{**GOOD, **changes})


def test_chunks():
    params = LinkParams(**GOOD, load_bytes=4, load_beats=260)
    assert params.payload == 503
    assert (params.chunk, params.chunks, params.last_chunk) == (500, 3, 40)
    assert LinkParams.from_dict(params.to_dict()) == params
    assert LinkParams.needed_depth(503) == 512 and LinkParams.needed_depth(504) == 1024

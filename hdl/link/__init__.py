"""The serial link around a core: UART, SPI, packets. Bytes: `golden.link`."""

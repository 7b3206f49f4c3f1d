// COM1, for what must be said when the firmware's console is gone.
#pragma once

// Prints `text` and CR LF. Does nothing when there is no UART; never waits for ever.
void serial_print_line(const char *text);

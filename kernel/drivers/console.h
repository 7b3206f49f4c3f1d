// /dev/console: what the first process gets as descriptors 0 to 2. Output goes to the log's sinks
// as it is; input is empty.
#pragma once

// Makes the node. Boot, after pseudo_init().
void console_init(void);

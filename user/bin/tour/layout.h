// What C and assembly agree on. The shared page lies at a fixed address, so that code which holds a
// pattern in every register can look at its first word without one.
#pragma once

#define SHARED_PAGE 0x10000000
#define IMAGE_VECTORS 128 // offset in struct register_image
#define PATTERN_STEP 0x0101010101010101
#define CALL_NUMBER 110 // getppid

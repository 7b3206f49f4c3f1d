// What rest.c and harness/saved.py agree on.
#pragma once

#define REST_BLOCK_SIZE 512u
#define REST_BLOCK 1 // in front of the first partition
#define REST_MARK "this disk is to be replaced"
#define REST_LINE L"rest: waiting for another disk"

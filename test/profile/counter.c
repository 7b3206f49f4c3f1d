// A QEMU plugin that counts how often each kernel instruction runs between two marker instructions
// (user/lib/profile_marker.h). Loaded by profile.py into a one-CPU guest. Each stretch between the
// markers becomes a section of the file `out=`: "stretch", "user COUNT" (all of user mode as one),
// then "ADDRESS COUNT BYTES" per instruction that ran. Invariant: counters only grow; a stretch is
// the difference of two readings, so counting itself changes nothing the guest can see.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

#define BUCKETS 65536u
#define LONGEST_INSTRUCTION 15u
#define KERNEL_HALF (1ull << 63)

struct record {
    struct record *next;
    uint64_t address;
    uint64_t count, before; // since the start of the machine; when the stretch began
    unsigned char bytes[LONGEST_INSTRUCTION];
    size_t size;
};

PLUGIN_EXPORT int qemu_plugin_version = PLUGIN_VERSION;

static struct record *buckets[BUCKETS];
static uint64_t user_count, user_before;
static bool in_stretch;
static FILE *output;

static const unsigned char begin_marker[] = { 0x0f, 0x1f, 0x80, 0x01, 0x00, 0x46, 0x52 };
static const unsigned char end_marker[] = { 0x0f, 0x1f, 0x80, 0x02, 0x00, 0x46, 0x52 };

static struct record *find_record(const struct qemu_plugin_insn *instruction)
{
    uint64_t address = qemu_plugin_insn_vaddr(instruction);
    struct record **bucket = &buckets[address % BUCKETS];
    for (struct record *record = *bucket; record; record = record->next)
        if (record->address == address)
            return record;
    struct record *record = calloc(1, sizeof(*record));
    if (!record)
        abort();
    record->address = address;
    record->size = qemu_plugin_insn_size(instruction);
    memcpy(record->bytes, qemu_plugin_insn_data(instruction), record->size);
    record->next = *bucket;
    *bucket = record;
    return record;
}

static void begin_stretch(unsigned cpu, void *data)
{
    (void)cpu, (void)data;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct record *record = buckets[i]; record; record = record->next)
            record->before = record->count;
    user_before = user_count;
    in_stretch = true;
}

static void print_record(const struct record *record)
{
    fprintf(output, "%" PRIx64 " %" PRIu64 " ", record->address, record->count - record->before);
    for (size_t i = 0; i < record->size; i++)
        fprintf(output, "%02x", record->bytes[i]);
    fputc('\n', output);
}

static void end_stretch(unsigned cpu, void *data)
{
    (void)cpu, (void)data;
    if (!in_stretch)
        return;
    in_stretch = false;
    fprintf(output, "stretch\nuser %" PRIu64 "\n", user_count - user_before);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct record *record = buckets[i]; record; record = record->next)
            if (record->count != record->before)
                print_record(record);
    fflush(output);
}

static bool is_marker(const struct qemu_plugin_insn *instruction, const unsigned char *marker)
{
    return qemu_plugin_insn_size(instruction) == sizeof(begin_marker) &&
           memcmp(qemu_plugin_insn_data(instruction), marker, sizeof(begin_marker)) == 0;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        bool kernel = qemu_plugin_insn_vaddr(instruction) & KERNEL_HALF;
        uint64_t *counter = kernel ? &find_record(instruction)->count : &user_count;
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64, counter,
                                                   1);
        if (is_marker(instruction, begin_marker))
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, begin_stretch,
                                                   QEMU_PLUGIN_CB_NO_REGS, NULL);
        if (is_marker(instruction, end_marker))
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, end_stretch, QEMU_PLUGIN_CB_NO_REGS,
                                                   NULL);
    }
}

PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
        fprintf(stderr, "counter: wants out=FILE\n");
        return -1;
    }
    output = fopen(argv[0] + 4, "w");
    if (!output) {
        perror(argv[0] + 4);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    return 0;
}

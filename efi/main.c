// The loader's story: from the firmware's call of efi_main to the kernel's entry point, one step a
// line. Everything that the kernel gets is written into boot_info here or in handoff.c.
#include <efi.h>

#include "boot_info.h"
#include "command_line.h"
#include "cpu.h"
#include "elf_image.h"
#include "files.h"
#include "firmware.h"
#include "firmware_tables.h"
#include "graphics.h"
#include "handoff.h"
#include "memory.h"
#include "random.h"

#define BOOT_STACK_SIZE (16u * 1024u)

static EFI_GUID loaded_image_guid = LOADED_IMAGE_PROTOCOL;

static void refuse_five_levels(void)
{
    if (cr4_read() & CR4_LA57)
        loader_fail("the firmware runs with 5-level paging (LA57), which kernel.elf cannot take "
                    "over: turn it off in the firmware's setup");
}

static EFI_LOADED_IMAGE *find_own_image(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_LOADED_IMAGE *loaded;
    EFI_STATUS status =
        system->BootServices->HandleProtocol(image, &loaded_image_guid, (void **)&loaded);
    if (EFI_ERROR(status))
        loader_fail("the firmware does not tell where this loader came from (status %x), so "
                    "kernel.elf cannot be found: update the firmware",
                    status);
    return loaded;
}

static void load_kernel(EFI_FILE_HANDLE root, struct boot_info *info, struct kernel_image *kernel)
{
    struct boot_file file = file_read(root, L"\\kernel.elf", "kernel.elf");
    if (!file.present)
        loader_fail("kernel.elf is missing: copy it to the root of the boot partition");
    const char *wrong = elf_image_parse(file.data, file.size, kernel);
    if (wrong)
        loader_fail("kernel.elf %s: copy the kernel.elf of this build to the boot partition",
                    wrong);

    void *memory = pages_allocate(kernel->size, "the image of kernel.elf");
    elf_image_load(kernel, file.data, memory);
    info->kernel_base = (uint64_t)memory;
    info->kernel_size = kernel->size;
    info->symbols_base = (uint64_t)file.data;
    info->symbols_size = file.size;
}

// The kernel runs at an address that differs from boot to boot, so that who finds a hole in it does
// not know where anything lies. Not with nokaslr, for debuggers, nor with seed=, for measuring:
// then it runs where it was linked.
static void place_kernel(EFI_SYSTEM_TABLE *system, struct boot_info *info,
                         struct kernel_image *kernel)
{
    uint64_t room = elf_image_room(kernel), page_count = 0;
    if (command_line_has_word(info->command_line, "nokaslr") ||
        command_line_has_word(info->command_line, "seed="))
        room = 0;
    if (room > 0)
        page_count = random_number(system) % (room + 1);
    if (!elf_image_move(kernel, (void *)info->symbols_base, (void *)info->kernel_base, page_count))
        loader_fail(
            "kernel.elf has a broken list of relocations: copy the kernel.elf of this build "
            "to the boot partition");
    info->kernel_virtual = kernel->virtual_base;
}

static void load_initramfs(EFI_FILE_HANDLE root, struct boot_info *info)
{
    struct boot_file file = file_read(root, L"\\initramfs.cpio", "initramfs.cpio");
    if (!file.present)
        loader_print("warning: initramfs.cpio is missing, so there will be no programs: copy it to "
                     "the root of the boot partition");
    info->initramfs_base = (uint64_t)file.data;
    info->initramfs_size = file.size;
}

static void load_command_line(EFI_FILE_HANDLE root, const EFI_LOADED_IMAGE *loaded,
                              struct boot_info *info)
{
    struct boot_file file = file_read(root, L"\\cmdline.txt", "cmdline.txt");
    if (!command_line_append_text(info->command_line, sizeof(info->command_line), file.data,
                                  file.size))
        loader_fail("cmdline.txt is longer than %u characters: make it shorter",
                    (uint64_t)BOOT_COMMAND_LINE_SIZE - 1);
    if (!command_line_append_options(info->command_line, sizeof(info->command_line),
                                     loaded->LoadOptions, loaded->LoadOptionsSize))
        loader_fail("cmdline.txt and the firmware's load options are together longer than %u "
                    "characters: make one of them shorter",
                    (uint64_t)BOOT_COMMAND_LINE_SIZE - 1);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    uint64_t tsc_at_entry = tsc_read();
    firmware_init(image, system);
    loader_print("started");
    refuse_five_levels();
    system->BootServices->SetWatchdogTimer(0, 0, 0, NULL);

    struct boot_info *info = pages_allocate(sizeof(*info), "the boot information");
    struct kernel_image kernel;
    EFI_LOADED_IMAGE *loaded = find_own_image(image, system);
    EFI_FILE_HANDLE root = files_open_root(system, loaded);
    load_kernel(root, info, &kernel);
    load_initramfs(root, info);
    load_command_line(root, loaded, info);
    root->Close(root);
    place_kernel(system, info, &kernel);

    info->magic = BOOT_INFO_MAGIC;
    info->version = BOOT_INFO_VERSION;
    info->size = sizeof(*info);
    info->tsc_at_entry = tsc_at_entry;
    info->efi_system_table = (uint64_t)system;
    info->rsdp = acpi_root_find(system);
    graphics_find(system, info->command_line, &info->framebuffer);
    info->boot_stack_base = (uint64_t)pages_allocate(BOOT_STACK_SIZE, "the boot stack");
    info->boot_stack_size = BOOT_STACK_SIZE;
    loader_print("kernel.elf %u bytes, initramfs.cpio %u bytes: starting the kernel",
                 info->symbols_size, info->initramfs_size);
    handoff(image, system, info, &kernel);
}

// Reads files through the firmware's FAT driver. Called by main.c before the firmware is left;
// every failure but a missing file is refused here, in a sentence that names the file.
#include "files.h"

#include "firmware.h"

#define CHUNK_SIZE (1ull << 20) // some firmware fails on reads of many MiB
#define NAME_SPACE 512u         // for the file name behind EFI_FILE_INFO

static EFI_GUID file_system_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
static EFI_GUID file_info_guid = EFI_FILE_INFO_ID;

EFI_FILE_HANDLE files_open_root(EFI_SYSTEM_TABLE *system, EFI_LOADED_IMAGE *loaded)
{
    EFI_FILE_IO_INTERFACE *volume;
    EFI_FILE_HANDLE root;
    EFI_STATUS status = EFI_NOT_FOUND;
    if (loaded->DeviceHandle)
        status = system->BootServices->HandleProtocol(loaded->DeviceHandle, &file_system_guid,
                                                      (void **)&volume);
    if (!EFI_ERROR(status))
        status = volume->OpenVolume(volume, &root);
    if (EFI_ERROR(status))
        loader_fail("the partition this loader was started from cannot be read (status %x), so "
                    "there is no kernel.elf: start it from a FAT partition",
                    status);
    return root;
}

static uint64_t file_size(EFI_FILE_HANDLE file, const char *name)
{
    union {
        EFI_FILE_INFO info;
        uint8_t space[sizeof(EFI_FILE_INFO) + NAME_SPACE];
    } buffer;
    UINTN size = sizeof(buffer);
    EFI_STATUS status = file->GetInfo(file, &file_info_guid, &size, &buffer);
    if (EFI_ERROR(status))
        loader_fail("%s is unreadable (status %x): copy it to the boot partition again", name,
                    status);
    if (buffer.info.Attribute & EFI_FILE_DIRECTORY)
        loader_fail("%s is a folder: put the file of that name in its place", name);
    return buffer.info.FileSize;
}

struct boot_file file_read(EFI_FILE_HANDLE root, CHAR16 *path, const char *name)
{
    EFI_FILE_HANDLE file;
    EFI_STATUS status = root->Open(root, &file, path, EFI_FILE_MODE_READ, 0);
    if (status == EFI_NOT_FOUND)
        return (struct boot_file){ .present = false };
    if (EFI_ERROR(status))
        loader_fail("%s cannot be opened (status %x): copy it to the boot partition again", name,
                    status);

    struct boot_file result = { .size = file_size(file, name), .present = true };
    if (result.size)
        result.data = pages_allocate(result.size, name);
    for (uint64_t done = 0; done < result.size;) {
        UINTN step = result.size - done < CHUNK_SIZE ? result.size - done : CHUNK_SIZE;
        status = file->Read(file, &step, (uint8_t *)result.data + done);
        if (EFI_ERROR(status) || step == 0)
            loader_fail("%s is unreadable after %u of %u bytes (status %x): copy it to the boot "
                        "partition again",
                        name, done, result.size, status);
        done += step;
    }
    file->Close(file);
    return result;
}

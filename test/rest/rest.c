// The EFI program that a machine is saved in, in place of the loader: it rests until another disk
// image lies behind the boot disk, then lets the firmware look at that disk anew and starts the
// loader that is on it. Used by harness/saved.py; what it leaves behind are its own pages, as
// loader code.
#include <efi.h>

#include "rest.h"

#define LOADER L"\\EFI\\BOOT\\BOOTX64.EFI"
#define PATH_SPACE 1024u
#define LOOK_AGAIN_US 1000u

static EFI_GUID block_guid = BLOCK_IO_PROTOCOL;
static EFI_GUID file_system_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
static EFI_GUID path_guid = DEVICE_PATH_PROTOCOL;
static EFI_BOOT_SERVICES *boot;

static void copy_bytes(void *to, const void *from, UINTN size)
{
    for (UINTN i = 0; i < size; i++)
        ((UINT8 *)to)[i] = ((const UINT8 *)from)[i];
}

// The first handle with this protocol that `wanted`, if given, accepts.
static EFI_HANDLE find_handle(EFI_GUID *protocol, BOOLEAN (*wanted)(void *interface),
                              void **interface)
{
    EFI_HANDLE *handles, found = NULL;
    UINTN count;
    if (EFI_ERROR(boot->LocateHandleBuffer(ByProtocol, protocol, NULL, &count, &handles)))
        return NULL;
    for (UINTN i = 0; i < count && !found; i++)
        if (!EFI_ERROR(boot->HandleProtocol(handles[i], protocol, interface)) &&
            (!wanted || wanted(*interface)))
            found = handles[i];
    boot->FreePool(handles);
    return found;
}

static BOOLEAN is_whole_disk(void *interface)
{
    EFI_BLOCK_IO_MEDIA *media = ((EFI_BLOCK_IO *)interface)->Media;
    return media->MediaPresent && !media->LogicalPartition && media->BlockSize == REST_BLOCK_SIZE;
}

// Sectors are read from the disk each time: nothing caches below the file system.
static BOOLEAN rests_on_disk(EFI_BLOCK_IO *disk)
{
    static UINT8 sector[REST_BLOCK_SIZE];
    if (EFI_ERROR(disk->ReadBlocks(disk, disk->Media->MediaId, REST_BLOCK, sizeof(sector), sector)))
        return FALSE;
    for (UINTN i = 0; i < sizeof(REST_MARK) - 1; i++)
        if (sector[i] != REST_MARK[i])
            return FALSE;
    return TRUE;
}

// The file system's path, then the file, then the end: what LoadImage takes.
static BOOLEAN make_path(EFI_HANDLE volume, UINT8 *path)
{
    static const struct {
        EFI_DEVICE_PATH header;
        CHAR16 name[sizeof(LOADER) / sizeof(CHAR16)];
        EFI_DEVICE_PATH end;
    } __attribute__((packed)) file = {
        .header = { MEDIA_DEVICE_PATH,
                    MEDIA_FILEPATH_DP,
                    { sizeof(EFI_DEVICE_PATH) + sizeof(LOADER), 0 } },
        .name = LOADER,
        .end = { END_DEVICE_PATH_TYPE,
                 END_ENTIRE_DEVICE_PATH_SUBTYPE,
                 { sizeof(EFI_DEVICE_PATH), 0 } },
    };
    EFI_DEVICE_PATH *node;
    UINTN size = 0;
    if (EFI_ERROR(boot->HandleProtocol(volume, &path_guid, (void **)&node)))
        return FALSE;
    const UINT8 *start = (const UINT8 *)node;
    while (!IsDevicePathEnd(node)) {
        size += DevicePathNodeLength(node);
        node = NextDevicePathNode(node);
    }
    if (size + sizeof(file) > PATH_SPACE)
        return FALSE;
    copy_bytes(path, start, size);
    copy_bytes(path + size, &file, sizeof(file));
    return TRUE;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    static UINT8 path[PATH_SPACE];
    EFI_BLOCK_IO *disk;
    EFI_FILE_IO_INTERFACE *files;
    EFI_HANDLE loader;
    boot = system->BootServices;
    boot->SetWatchdogTimer(0, 0, 0, NULL);
    EFI_HANDLE device = find_handle(&block_guid, is_whole_disk, (void **)&disk);
    if (!device)
        return EFI_NOT_FOUND;

    system->ConOut->OutputString(system->ConOut, REST_LINE L"\r\n");
    while (rests_on_disk(disk))
        boot->Stall(LOOK_AGAIN_US);

    boot->DisconnectController(device, NULL, NULL);
    boot->ConnectController(device, NULL, NULL, TRUE);
    EFI_HANDLE volume = find_handle(&file_system_guid, NULL, (void **)&files);
    if (!volume || !make_path(volume, path))
        return EFI_NOT_FOUND;
    EFI_STATUS status = boot->LoadImage(FALSE, image, (EFI_DEVICE_PATH *)path, NULL, 0, &loader);
    return EFI_ERROR(status) ? status : boot->StartImage(loader, NULL, NULL);
}

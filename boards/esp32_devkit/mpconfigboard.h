// The clock's own MicroPython image: the ESP32's port, with code that runs in place.

#define MICROPY_HW_BOARD_NAME "Badgeclock on ESP32-DevKitC"
#define MICROPY_HW_MCU_NAME "ESP32"

// Mounts the partition `romfs` at /rom and runs what is compiled there where it lies. MicroPython's own images
// (ESP32_GENERIC, 1.25 to 1.28) leave this out, and copy all code into the heap.
#define MICROPY_VFS_ROM (1)

// The clock's own MicroPython image: the ESP32's port, with code that runs in place and without what no clock uses.

#define MICROPY_HW_BOARD_NAME "Badgeclock on ESP32-DevKitC"
#define MICROPY_HW_MCU_NAME "ESP32"

// Mounts the partition `romfs` at /rom and runs what is compiled there in place. MicroPython's own images
// (ESP32_GENERIC, 1.25 to 1.28) leave this out, and copy all code into the heap.
#define MICROPY_VFS_ROM (1)

// With Bluetooth 4.7 to 8.5 KB of the heap stay free; without it, 41.9 KB (docs/chip.md).
#define MICROPY_PY_BLUETOOTH (0)
#define MICROPY_PY_ESPNOW (0)

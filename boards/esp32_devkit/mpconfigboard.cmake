# The board for `make firmware`, which gives this folder as MICROPY_BOARD_DIR to MicroPython's ESP32 port.
#
# Bluetooth (boards/sdkconfig.ble) stays out: no clock uses it, and its 25 KB are what TLS needs. The image holds this
# board's own partition table; ESP-IDF reads its place from an sdkconfig file, which knows no variables.
file(WRITE ${CMAKE_BINARY_DIR}/sdkconfig.partitions
    "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\"${MICROPY_BOARD_DIR}/partitions.csv\"\n"
)
set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    ${MICROPY_BOARD_DIR}/sdkconfig.board
    ${CMAKE_BINARY_DIR}/sdkconfig.partitions
)
set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)

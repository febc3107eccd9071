# As ESP32_GENERIC has it: `badgeclock clock flash` writes our partition table in the place of the image's.
set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    boards/sdkconfig.ble
)

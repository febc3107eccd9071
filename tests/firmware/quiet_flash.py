"""Flash that allocates nothing, so that what is measured on the heap is the log's own work."""

SECTOR_BYTES = 4096


class QuietFlash:
    """esp32.Partition's block interface over one buffer; programs clear bits only, without a complaint. `content`: its
    bytes.
    """

    def __init__(self, sectors):
        self.sectors = sectors
        self.content = bytearray(b"\xff" * (SECTOR_BYTES * sectors))

    def readblocks(self, block, buf, offset=0):
        at = block * SECTOR_BYTES + offset
        for index in range(len(buf)):
            buf[index] = self.content[at + index]

    def writeblocks(self, block, buf, offset=0):
        at = block * SECTOR_BYTES + offset
        for index in range(len(buf)):
            self.content[at + index] &= buf[index]

    def ioctl(self, operation, argument):
        if operation == 6:
            for at in range(argument * SECTOR_BYTES, (argument + 1) * SECTOR_BYTES):
                self.content[at] = 0xFF
        return self.sectors

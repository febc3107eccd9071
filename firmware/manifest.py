"""The parts of the clock that an image can hold frozen; boot.py, main.py, board.py, its front and data come by
provisioning.
"""

require("umqtt.simple")  # noqa: F821
package("app")  # noqa: F821
package("drivers")  # noqa: F821

"""What a firmware image with the clock frozen in holds: the same files that provisioning copies."""

require("umqtt.simple")  # noqa: F821
package("app")  # noqa: F821
package("drivers")  # noqa: F821
module("main.py")  # noqa: F821

"""The names in MicroPython's image: they cost a clock no memory, and the build does not rename them.

Found by giving an object an attribute of each name and watching micropython.qstr_info(): on the official ESP32_GENERIC
images 1.25.0 and 1.27.0, and on the unix port 1.25.0 for i386. The candidates were the texts in those programs, the
names of the port's type stubs (micropython-esp32-stubs) and the firmware's own.
"""

from typing import Final

EVERYWHERE: Final = frozenset(
    """
A AF_INET AF_INET6 ARRAY AUTO ArithmeticError AssertionError AttributeError Authorization BFINT16 BFINT32 BFINT8
BFUINT16 BFUINT32 BFUINT8 BF_LEN BF_POS BIG_ENDIAN BaseException BytesIO CERT_NONE CERT_OPTIONAL CERT_REQUIRED
CancelledError Connection DELETE DeflateIO Done EACCES EADDRINUSE EAGAIN EALREADY EBADF ECONNABORTED ECONNREFUSED
ECONNRESET EEXIST EHOSTUNREACH EINPROGRESS EINVAL EIO EISDIR ENOBUFS ENODEV ENOENT ENOMEM ENOTCONN EOFError
EOPNOTSUPP EPERM ETIMEDOUT Ellipsis Event Exception FLOAT32 FLOAT64 FileIO FrameBuffer FrameBuffer1 GET GS2_HMSB
GS4_HMSB GS8 GZIP GeneratorExit HEAD Host INT INT16 INT32 INT64 INT8 IOBase IOQueue ImportError IndentationError
IndexError KeyError KeyboardInterrupt LITTLE_ENDIAN LONG LONGLONG Lock LockType LookupError Loop MBEDTLS_VERSION
MONO_HLSB MONO_HMSB MONO_VLSB MVLSB MemoryError NATIVE NameError None NoneType NotImplemented NotImplementedError
OSError OrderedDict OverflowError PATCH POLLERR POLLHUP POLLIN POLLOUT POST PROTOCOL_DTLS_CLIENT
PROTOCOL_DTLS_SERVER PROTOCOL_TLS_CLIENT PROTOCOL_TLS_SERVER PTR PUT RAW RGB565 Response RingIO RuntimeError SHORT
SOCK_DGRAM SOCK_RAW SOCK_STREAM SOL_SOCKET SO_BROADCAST SO_REUSEADDR SSLContext SSLSocket Server Signal
SingletonGenerator StopAsyncIteration StopIteration Stream StreamReader StreamWriter StringIO SyntaxError SystemExit
Task TaskQueue TextIOWrapper ThreadSafeFlag TimeoutError TypeError UINT UINT16 UINT32 UINT64 UINT8 ULONG ULONGLONG
USHORT UnicodeError VOID ValueError VfsFat VfsLfs2 ViperTypeError ZLIB ZeroDivisionError _ _Remove __abs__ __add__
__aenter__ __aexit__ __aiter__ __and__ __anext__ __bases__ __bool__ __build_class__ __call__ __class__ __complex__
__contains__ __del__ __delattr__ __delete__ __delitem__ __dict__ __dir__ __divmod__ __enter__ __eq__ __exit__
__file__ __float__ __floordiv__ __ge__ __get__ __getattr__ __getitem__ __globals__ __gt__ __hash__ __iadd__
__import__ __init__ __int__ __invert__ __isub__ __iter__ __le__ __len__ __lshift__ __lt__ __main__ __matmul__
__mod__ __module__ __mul__ __name__ __ne__ __neg__ __new__ __next__ __or__ __path__ __pos__ __pow__ __qualname__
__radd__ __rand__ __repl_print__ __repr__ __reversed__ __rfloordiv__ __rlshift__ __rmatmul__ __rmod__ __rmul__
__ror__ __rpow__ __rrshift__ __rshift__ __rsub__ __rtruediv__ __rxor__ __set__ __setattr__ __setitem__ __str__
__sub__ __traceback__ __truediv__ __version__ __xor__ _asyncio _attrs _build _cached _check_exists _chunk _dequeue
_download_file _enqueue _ensure_path_exists _exc_context _exc_handler _install_json _install_package _io_queue
_machine _mpy _promote_to_task _rewrite_url _run _serve _stop_task _stopper _task_queue _thread a a2b_base64 abs
abs_tol accept aclose acos acosh acquire add addr addressof aes all allocate_lock any append appendleft args argv
array ascii asin asinh asyncio atan atan2 atanh attr auth aw awrite awritestr b2a_base64 backlog bin binascii bind
blit bool bound_method branch buf buffer buffering builtins bytearray bytearray_at bytecode byteorder bytes bytes_at
calcsize call_exception_handler callable callback cancel cb ceil center chdir choice chr chunked cipher classmethod
clear close closure cmath code collect collections compile complex connect const content context copy copysign core
coro cos cosh count crc32 create_task cryptolib cur_task current_task data decode decrypt default
default_exception_handler deflate degrees delattr delete deleter deps deque dest dict dict_view difference
difference_update digest dir disable discard divmod do_handshake_on_connect doc done drain dt dump dumps e ellipse
enable encode encoding encrypt end endswith enumerate er erf erfc errno errorcode eval event exc exc_type exception
exec execfile exit exp expm1 extend f fabs factorial file fileno fill fill_rect filter find flags float floor flush
fmod format framebuf frexp from_bytes fromhex fromkeys frozenset funcs function future gamma gather gc generator get
get_ciphers get_event_loop get_exception_handler get_extra_info get_ident getaddrinfo getattr getcwd getpeercert
getrandbits getter getvalue globals gmtime group handler hasattr hash hashes hashlib head headers heap_lock
heap_unlock heapify heappop heappush heapq help hex hexlify hline host id idle idx ilistdir imag implementation
index indices inf input insert install int intersection intersection_update invert io ioctl ipoll is_set isalpha
isclose isdigit isdisjoint isenabled isfinite isinf isinstance islower isnan isspace issubclass issubset issuperset
isupper items iter iterable iterator join json kbd_intr keepends key keys latest ldexp len lgamma libc_ver line list
listdir listen little load load_cert_chain load_verify_locations loads locals localtime lock locked log log10 log2
lookahead loop lower lstrip machine main main_task makefile map match math max maxsize md5 mem16 mem32 mem8
mem_alloc mem_free mem_info memoryview message method micropython min mkdir mkfs mktime mode modf modify module
modules mount mpy mtime n name namedtuple names nan native new_event_loop newline next object oct off on open
open_connection opt_level ord os out_buf pack pack_into package package_json_url parse_headers partition patch path
peek peername pend_throw ph_key phase pi pixel platform polar poll poller poly pop popitem popleft port post pow
print print_exception progsize property ps1 ps2 ptr ptr16 ptr32 ptr8 push put python_compiler qstr_info queue_read
queue_write r radians randint random randrange range raw rb re read readblocks readexactly readinto readline
readlines readonly readsize real reason rect recv recv_into recvfrom register rel_tol release remove rename replace
repr req request requesting requests return_exceptions reverse reversed rfind rindex rmdir round rpartition rsplit
rstrip run run_forever run_until_complete runq_len s schedule scroll search seed seek select self send sendall
sendto sep separators server_hostname server_side set set_ciphers set_exception_handler setattr setblocking
setdefault setsockopt setter settimeout sgen sha1 sha256 short_hash sin single sinh sizeof sleep sleep_ms sleep_us
slice socket soft_reset sort sorted split splitlines sqrt src ssl stack_size stack_use start start_new_thread
start_server startswith stat state staticmethod status_code statvfs stderr stdin stdout step stop str stream
stream_awrite strip struct sub sum super symmetric_difference symmetric_difference_update sync sys sz t tan tanh
target task tau tb tell text threshold throw ticks ticks_add ticks_cpu ticks_diff ticks_ms ticks_us time time_ns
time_pulse_us timeout tls to_bytes trunc tuple type uctypes uint umount unhexlify uniform union unlink unpack
unpack_from unregister update upper urandom url urls usys v value values verify_callback verify_mode version
version_info vfs viper vline wait wait_closed wait_for wait_for_ms wait_io_event waiter waiting waitq_len wb
websocket wrap_socket write writeblocks zip
""".split()  # noqa: SIM905 - as a list they would be ten times as long
)
"""Names in all three."""

SOMEWHERE: Final = EVERYWHERE | frozenset(
    """
ADC ADCBlock ADDR_LEN AF_UNIX AIOESPNow APA106 AP_IF ATTN_0DB ATTN_11DB ATTN_2_5DB ATTN_6DB AUTH_CHAP AUTH_MAX
AUTH_NONE AUTH_OPEN AUTH_OWE AUTH_PAP AUTH_WAPI_PSK AUTH_WEP AUTH_WPA2_ENTERPRISE AUTH_WPA2_PSK AUTH_WPA2_WPA3_PSK
AUTH_WPA3_ENT_192 AUTH_WPA3_EXT_PSK AUTH_WPA3_EXT_PSK_MIXED_MODE AUTH_WPA3_PSK AUTH_WPA_PSK AUTH_WPA_WPA2_PSK
B1000000 B115200 B1152000 B230400 B460800 B500000 B57600 B576000 B921600 B9600 BLE BOOT BufferedWriter CLEAR CONFIG
CTS Counter D DAC DEBUG DECREMENT DEEPSLEEP DEEPSLEEP_RESET DELAY DESC DHT11 DHT22 DHTBase DOWN DRIVE_0 DRIVE_1
DRIVE_2 DRIVE_3 DS18X20 E ESPNow ESPNowBase ETH_CONNECTED ETH_DISCONNECTED ETH_GOT_IP ETH_INITIALIZED ETH_STARTED
ETH_STOPPED EXT0_WAKE EXT1_WAKE Encoder FALLING FLAG_INDICATE FLAG_NOTIFY FLAG_READ FLAG_WRITE
FLAG_WRITE_NO_RESPONSE GIL HARD_RESET HEAP_DATA HEAP_EXEC HOLD I2C I2S IF_AP IF_STA IGNORE IN INCL INCREMENT INV_CTS
INV_RTS INV_RX INV_TX IPPROTO_IP IPPROTO_TCP IPPROTO_UDP IP_ADD_MEMBERSHIP IRQ IRQ_BREAK IRQ_FALLING IRQ_MAX IRQ_MIN
IRQ_RISING IRQ_RX IRQ_RXIDLE IRQ_THRESHOLD0 IRQ_THRESHOLD1 IRQ_ZERO KEY_LEN LAN LOG_DEBUG LOG_ERROR LOG_INFO
LOG_NONE LOG_VERBOSE LOG_WARNING LS LSB MATCH_ROM MAX_DATA_LEN MAX_ENCRYPT_PEER_NUM MAX_TOTAL_PEER_NUM MODE_11B
MODE_11G MODE_11N MODE_LR MONO MQTTClient MQTTException MSB MSG_DONTROUTE MSG_DONTWAIT MSG_PEEK Man NORMAL NVS
NeoPixel ONE_SHOT OPEN_DRAIN ORDER OUT OneWire OneWireError PASS PCNT PERIODIC PHY_DM9051 PHY_DP83848 PHY_GENERIC
PHY_IP101 PHY_KSZ8041 PHY_KSZ8081 PHY_KSZ8851SNL PHY_LAN8670 PHY_LAN8710 PHY_LAN8720 PHY_RTL8201 PHY_W5500 PIN_WAKE
PM_NONE PM_PERFORMANCE PM_POWERSAVE PPP PROTOCOL_DEFAULT PROTOCOL_LR PULL_DOWN PULL_UP PULSE_MAX PWD PWM PWRON_RESET
Partition Pin PinBase RATE_11M RATE_12M RATE_1M RATE_24M RATE_2M RATE_54M RATE_5M RATE_6M RATE_LORA_250K
RATE_LORA_500K RC RESERVE_MEM REVERSE RISING RMT RTC RTS RUNNING RX SDCard SEARCH_ROM SEC_CHAP SEC_DPP SEC_NONE
SEC_OPEN SEC_OWE SEC_PAP SEC_WAPI SEC_WEP SEC_WPA SEC_WPA2 SEC_WPA2_ENT SEC_WPA2_WPA3 SEC_WPA2_WPA3_ENT SEC_WPA3
SEC_WPA3_ENT SEC_WPA3_ENT_192 SEC_WPA3_EXT_PSK SEC_WPA3_EXT_PSK_MIXED_MODE SEC_WPA_ENT SEC_WPA_WPA2 SKIP_ROM SLEEP
SOFT_RESET SO_BINDTODEVICE SO_ERROR SO_KEEPALIVE SO_LINGER SPI STAT_ASSOC_FAIL STAT_BEACON_TIMEOUT STAT_CONNECTING
STAT_CONNECT_FAIL STAT_GOT_IP STAT_HANDSHAKE_TIMEOUT STAT_IDLE STAT_NO_AP_FOUND
STAT_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD STAT_NO_AP_FOUND_IN_RSSI_THRESHOLD STAT_NO_AP_FOUND_W_COMPATIBLE_SECURITY
STAT_WRONG_PASSWORD STA_IF STEREO SoftI2C SoftSPI TCP_NODELAY TCSANOW TIMER_WAKE TOUCHPAD_WAKE TX TYPE_APP TYPE_DATA
Timer TouchPad UART ULP ULP_WAKE UP UUID VfsLfs1 VfsPosix VfsRom WAKEUP_ALL_LOW WAKEUP_ANY_HIGH WAKE_HIGH WAKE_LOW
WDT WDT_RESET WIDTH_10BIT WIDTH_11BIT WIDTH_12BIT WIDTH_9BIT WLAN _CHUNK_SIZE _CounterBase _INSTANCES _PCNT __all__
__iand__ __ifloordiv__ __ilshift__ __imatmul__ __imod__ __imul__ __ior__ __ipow__ __irshift__ __itruediv__ __ixor__
__set_name__ _configure _context _data _espnow _none_tuple _offset _onewire _overflow _overflows _ow _path _pcnt
_phases _recv_len _search_rom _send_str _unit_id _webrepl accept_conn accept_handler action active add_peer addr4
addr_mode addrsize adv_data airecv alloc_emergency_exception_buf allowed_mip_url_prefixes arecv arg as_bytearray
asend atexit attempts atten authmode baudrate bcc bccz bdev bit_branch bits bitstream bitstream_channel
bitstream_rmt block block_size bluetooth board bond bpp bssid btree cachesize cadata cafile call0 cat cd cert
cert_reqs certfile cfun change_daemon channel check_bootsec check_msg choices cl clean_session client_id client_s
clock clock_div cls commit config connectable convert_temp country cp crc8 cs cts d datetime deepsleep deinit
del_peer delay dhcp4 dhcp_hostname dht_readinto diff direction disable_irq disabled disconnect dns do_handshake
drive dupterm dupterm_notify duty duty_ns duty_u16 edge enable_irq enabled env erase_key esp esp32 espnow essid
exc_info executable exists falling feed ffat ffi fficallback ffifunc ffimod ffivar filter_ns firstbit flash_erase
flash_read flash_size flash_user_start flash_write flashbdev flow fname freq fs_corrupted func g gap_advertise
gap_connect gap_disconnect gap_name gap_pair gap_passkey gap_scan gattc_discover_characteristics
gattc_discover_descriptors gattc_discover_services gattc_exchange_mtu gattc_read gattc_write gatts_indicate
gatts_notify gatts_read gatts_register_services gatts_set_buffer gatts_write get_blob get_daemon_status get_i32
get_next_update get_peer get_peers getenv getpass gpio_deep_sleep_hold gpio_matrix_in gpio_matrix_out gw4 hard
hidden hold hostname humidity i ibuf idf_heap_info idle_level ifconfig ifidx ifname in_reconnect inet_ntop inet_pton
info inisetup init input_choice input_pass interval_us ipconfig irecv irq isconnected jclass jmethod jni jobject
keepalive keyfile l l32r l_rom label le_secure level lightsleep listen_s listen_sock lmk load_binary location
loop_count ls lw_msg lw_qos lw_retain lw_topic mac man mark_app_valid_cancel_rollback max_clients mdc mdio measure
mem_current mem_peak mem_total memaddr memory minkeypage miso mitm mod_peer mode_high mode_low mode_pin mosi msg mtu
mv neopixel network newfile nodename num_symbols onewire osdebug ow pagesize parity password pcnt peer_count
peers_table period phase_a phase_b phases phy_addr phy_mode phy_type pid pin ping pins pm polarity power prompt
protocol pswd publish pull putenv pwd pyb pyboard qos rate raw_temperature read_scratch read_temp read_u16 read_uv
readbit readbyte readfrom readfrom_into readfrom_mem readfrom_mem_into reconnect reconnects recursive recvinto
ref_clk ref_clk_mode rejected required reset reset_cause resolution_hz resp_data retain rising rm rom rssi rts rwb
rx rxbuf scan sck scl sd sda security select_rom send_html sendbreak seq server server_handshake set_blob set_boot
set_callback set_i32 set_last_will set_pmk set_wakeup_period setraw settime setup setup_conn shift simple slot sock
sockaddr source_freq spi ssid ssl_params start_foreground static_host stations stats status subscribe subtype
sysname system tcgetattr tcsetattr temperature termios threshold0 threshold1 tick_hz timeout_char timeout_ms timing
toggle topic trigger tx tx_carrier txbuf txdone txpower uname unique_id unit_id unsetenv unsubscribe user username
val w wait_done wait_msg wake wake_on_ext0 wake_on_ext1 wake_on_gpio wake_on_touch wake_on_ulp wake_reason webrepl
webrepl_cfg width wp write_pulses write_readinto write_scratch writebit writebyte writeto writeto_mem writevto ws y
""".split()  # noqa: SIM905 - as a list they would be ten times as long
)
"""Names in at least one of them."""

MODULES: Final = frozenset(
    """
_asyncio _thread array asyncio binascii builtins cmath collections core cryptolib deflate errno event framebuf funcs
gc hashlib heapq io json lock machine main math micropython os platform random re requests select socket ssl start
stream struct sys task time tls uctypes urandom usys vfs websocket
""".split()  # noqa: SIM905 - as above
)
"""Names of EVERYWHERE that are a module or a start file of some MicroPython."""

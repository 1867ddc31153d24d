"""Which system calls a session may make, and their numbers on each architecture.

Three outcomes: allowed; refused with an error, where ordinary Python makes the call and copes with a refusal; and for
every call that is not named here, the end of the process. Numbers are the kernel's, from `asm/unistd_64.h` (x86_64) and
`asm-generic/unistd.h` (aarch64, which lacks the older calls).
"""

from __future__ import annotations

import errno

_ALLOWED = """
    brk munmap mremap madvise rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall exit
    exit_group getrandom clock_gettime clock_getres gettimeofday time nanosleep clock_nanosleep getpid
    getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgrp getpgid getsid
    sched_yield sched_getaffinity getrusage times getrlimit poll ppoll select pselect6 lseek fstat
"""
ALLOWED = tuple(_ALLOWED.split())

CHANNEL = 3  # the only descriptor of a session that leads anywhere; 0, 1 and 2 are /dev/null
PROT_EXEC = 4
# Wait and wake, also by bit set; the priority-inheriting operations have a long history of holes.
_FUTEX_OPERATIONS = (0, 1, 9, 10)
_FUTEX_FLAGS = (0, 128, 256, 384)  # private, real-time clock, both

# name -> (argument index, the only values it may have)
ALLOWED_VALUES = {
    "read": (0, (0, CHANNEL)),
    "write": (0, (1, 2, CHANNEL)),
    "fcntl": (1, (1, 3)),  # F_GETFD, F_GETFL
    "futex": (1, tuple(op | flags for op in _FUTEX_OPERATIONS for flags in _FUTEX_FLAGS)),
}
# name -> (argument index, bits it may not have)
FORBIDDEN_BITS = {"mmap": (2, PROT_EXEC), "mprotect": (2, PROT_EXEC)}
# name -> index of the pointer argument that must be null: reading a limit is fine, setting one is not
NULL_ONLY = {"prlimit64": 2}

_FILE_CALLS = """
    open openat openat2 creat stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat
    getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2
    link linkat symlink symlinkat chmod fchmod fchmodat chown fchown lchown fchownat truncate ftruncate
    utime utimes utimensat futimesat statfs fstatfs mknod mknodat
    """
_OTHER_CALLS = """
    socket socketpair connect bind listen accept accept4 sendto recvfrom sendmsg recvmsg shutdown
    getsockname getpeername getsockopt setsockopt pipe pipe2 dup dup2 dup3 epoll_create epoll_create1
    eventfd eventfd2 close flock fsync fdatasync readv writev pread64 pwrite64 sendfile clone fork vfork
    uname sysinfo umask setrlimit alarm setitimer getitimer getpriority setpriority
    """
REFUSED = {
    **dict.fromkeys(_FILE_CALLS.split(), errno.EACCES),
    **dict.fromkeys(_OTHER_CALLS.split(), errno.EPERM),
    "clone3": errno.ENOSYS,  # the C library then tries clone, and reports that refusal
    "ioctl": errno.ENOTTY,
}


def _numbers(table: str) -> dict[str, int]:
    return {name: int(number) for name, number in (entry.split("=") for entry in table.split())}


NUMBERS = {
    "x86_64": _numbers("""
    brk=12 munmap=11 mremap=25 madvise=28 rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15
    sigaltstack=131 restart_syscall=219 exit=60 exit_group=231 getrandom=318 clock_gettime=228
    clock_getres=229 gettimeofday=96 time=201 nanosleep=35 clock_nanosleep=230 getpid=39 getppid=110
    gettid=186 getuid=102 geteuid=107 getgid=104 getegid=108 getresuid=118 getresgid=120 getgroups=115
    getpgrp=111 getpgid=121 getsid=124 sched_yield=24 sched_getaffinity=204 getrusage=98 times=100
    getrlimit=97 poll=7 ppoll=271 select=23 pselect6=270 lseek=8 fstat=5 read=0 write=1 mmap=9 mprotect=10
    fcntl=72 futex=202 prlimit64=302 open=2 openat=257 openat2=437 creat=85 stat=4 lstat=6 newfstatat=262
    statx=332 access=21 faccessat=269 faccessat2=439 readlink=89 readlinkat=267 getdents=78 getdents64=217
    getcwd=79 chdir=80 fchdir=81 mkdir=83 mkdirat=258 rmdir=84 unlink=87 unlinkat=263 rename=82
    renameat=264 renameat2=316 link=86 linkat=265 symlink=88 symlinkat=266 chmod=90 fchmod=91 fchmodat=268
    chown=92 fchown=93 lchown=94 fchownat=260 truncate=76 ftruncate=77 utime=132 utimes=235 utimensat=280
    futimesat=261 statfs=137 fstatfs=138 mknod=133 mknodat=259 socket=41 socketpair=53 connect=42 bind=49
    listen=50 accept=43 accept4=288 sendto=44 recvfrom=45 sendmsg=46 recvmsg=47 shutdown=48 getsockname=51
    getpeername=52 getsockopt=55 setsockopt=54 pipe=22 pipe2=293 dup=32 dup2=33 dup3=292 epoll_create=213
    epoll_create1=291 eventfd=284 eventfd2=290 close=3 flock=73 fsync=74 fdatasync=75 readv=19 writev=20
    pread64=17 pwrite64=18 sendfile=40 clone=56 clone3=435 fork=57 vfork=58 ioctl=16 uname=63 sysinfo=99
    umask=95 setrlimit=160 alarm=37 setitimer=38 getitimer=36 getpriority=140 setpriority=141
    """),
    "aarch64": _numbers("""
    brk=214 munmap=215 mremap=216 madvise=233 rt_sigaction=134 rt_sigprocmask=135 rt_sigreturn=139
    sigaltstack=132 restart_syscall=128 exit=93 exit_group=94 getrandom=278 clock_gettime=113
    clock_getres=114 gettimeofday=169 nanosleep=101 clock_nanosleep=115 getpid=172 getppid=173 gettid=178
    getuid=174 geteuid=175 getgid=176 getegid=177 getresuid=148 getresgid=150 getgroups=158 getpgid=155
    getsid=156 sched_yield=124 sched_getaffinity=123 getrusage=165 times=153 getrlimit=163 ppoll=73
    pselect6=72 lseek=62 fstat=80 read=63 write=64 mmap=222 mprotect=226 fcntl=25 futex=98 prlimit64=261
    openat=56 openat2=437 newfstatat=79 statx=291 faccessat=48 faccessat2=439 readlinkat=78 getdents64=61
    getcwd=17 chdir=49 fchdir=50 mkdirat=34 unlinkat=35 renameat=38 renameat2=276 linkat=37 symlinkat=36
    fchmod=52 fchmodat=53 fchown=55 fchownat=54 truncate=45 ftruncate=46 utimensat=88 statfs=43 fstatfs=44
    mknodat=33 socket=198 socketpair=199 connect=203 bind=200 listen=201 accept=202 accept4=242 sendto=206
    recvfrom=207 sendmsg=211 recvmsg=212 shutdown=210 getsockname=204 getpeername=205 getsockopt=209
    setsockopt=208 pipe2=59 dup=23 dup3=24 epoll_create1=20 eventfd2=19 close=57 flock=32 fsync=82
    fdatasync=83 readv=65 writev=66 pread64=67 pwrite64=68 sendfile=71 clone=220 clone3=435 ioctl=29
    uname=160 sysinfo=179 umask=166 setrlimit=164 setitimer=103 getitimer=102 getpriority=141
    setpriority=140
    """),
}

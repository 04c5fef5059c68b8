"""Numbers of the system calls the filter speaks of, per architecture.

x86_64 from `asm/unistd_64.h`, aarch64 from `asm-generic/unistd.h` (Linux 6.1). The aarch64 numbers
have never been run; `seccomp` refuses any other architecture.
"""

from __future__ import annotations

LAST = 450
"""The highest number either header knows; the filter answers ENOSYS to anything above."""

X86_64 = """
fork=57 vfork=58 clone=56 clone3=435 execve=59 execveat=322 socket=41 socketpair=53 connect=42
bind=49 listen=50 accept=43 accept4=288 kill=62 tkill=200 tgkill=234 rt_sigqueueinfo=129
rt_tgsigqueueinfo=297 pidfd_send_signal=424 pidfd_open=434 pidfd_getfd=438 ptrace=101
process_vm_readv=310 process_vm_writev=311 process_madvise=440 process_mrelease=448 kcmp=312
prlimit64=302 setpriority=141 sched_setaffinity=203 sched_setattr=314 sched_setparam=142
sched_setscheduler=144 ioprio_set=251 migrate_pages=256 move_pages=279 mbind=237 set_mempolicy=238
set_mempolicy_home_node=450 get_robust_list=274 prctl=157 ioctl=16 fcntl=72 fallocate=285
seccomp=317 mount=165 umount2=166 pivot_root=155 chroot=161 unshare=272 setns=308 open_tree=428
move_mount=429 fsopen=430 fsconfig=431 fsmount=432 fspick=433 mount_setattr=442
name_to_handle_at=303 open_by_handle_at=304 bpf=321 perf_event_open=298 userfaultfd=323
io_uring_setup=425 io_uring_enter=426 io_uring_register=427 io_setup=206 io_submit=209
io_destroy=207 io_getevents=208 io_cancel=210 io_pgetevents=333 add_key=248 request_key=249
keyctl=250 shmget=29 shmat=30 shmctl=31 shmdt=67 semget=64 semop=65 semctl=66 semtimedop=220
msgget=68 msgsnd=69 msgrcv=70 msgctl=71 mq_open=240 mq_unlink=241 mq_timedsend=242
mq_timedreceive=243 mq_notify=244 mq_getsetattr=245 memfd_create=319 memfd_secret=447
remap_file_pages=216 splice=275 tee=276 vmsplice=278 fanotify_init=300 fanotify_mark=301 swapon=167
swapoff=168 reboot=169 kexec_load=246 kexec_file_load=320 init_module=175 finit_module=313
delete_module=176 create_module=174 get_kernel_syms=177 query_module=178 acct=163 quotactl=179
quotactl_fd=443 settimeofday=164 clock_settime=227 adjtimex=159 clock_adjtime=305 syslog=103
sethostname=170 setdomainname=171 iopl=172 ioperm=173 modify_ldt=154 personality=135 uselib=134
ustat=136 sysfs=139 nfsservctl=180 vhangup=153 lookup_dcookie=212 _sysctl=156 vserver=236
afs_syscall=183 getpmsg=181 putpmsg=182 security=185 tuxcall=184 chmod=90 fchmod=91 fchmodat=268
chown=92 fchown=93 lchown=94 fchownat=260 utime=132 utimes=235 futimesat=261 utimensat=280
setxattr=188 lsetxattr=189 fsetxattr=190 removexattr=197 lremovexattr=198 fremovexattr=199
truncate=76 epoll_ctl_old=214 epoll_wait_old=215 set_thread_area=205 get_thread_area=211 capset=126
inotify_init=253 inotify_init1=294 inotify_add_watch=254 setsockopt=54 setresuid=117
landlock_create_ruleset=444 landlock_add_rule=445 landlock_restrict_self=446
sendmsg=46 sendmmsg=307 membarrier=324 mlock=149 mlock2=325 mlockall=151 flock=73 fsync=74
fdatasync=75 sync=162 syncfs=306 sync_file_range=277 msync=26 fadvise64=221 readahead=187 mmap=9
close_range=436 madvise=28
"""

AARCH64 = """
clone=220 clone3=435 execve=221 execveat=281 socket=198 socketpair=199 connect=203 bind=200
listen=201 accept=202 accept4=242 kill=129 tkill=130 tgkill=131 rt_sigqueueinfo=138
rt_tgsigqueueinfo=240 pidfd_send_signal=424 pidfd_open=434 pidfd_getfd=438 ptrace=117
process_vm_readv=270 process_vm_writev=271 process_madvise=440 process_mrelease=448 kcmp=272
prlimit64=261 setpriority=140 sched_setaffinity=122 sched_setattr=274 sched_setparam=118
sched_setscheduler=119 ioprio_set=30 migrate_pages=238 move_pages=239 mbind=235 set_mempolicy=237
set_mempolicy_home_node=450 get_robust_list=100 prctl=167 ioctl=29 fcntl=25 fallocate=47
seccomp=277 mount=40 umount2=39 pivot_root=41 chroot=51 unshare=97 setns=268 open_tree=428
move_mount=429 fsopen=430 fsconfig=431 fsmount=432 fspick=433 mount_setattr=442
name_to_handle_at=264 open_by_handle_at=265 bpf=280 perf_event_open=241 userfaultfd=282
io_uring_setup=425 io_uring_enter=426 io_uring_register=427 io_setup=0 io_submit=2 io_destroy=1
io_getevents=4 io_cancel=3 io_pgetevents=292 add_key=217 request_key=218 keyctl=219 shmget=194
shmat=196 shmctl=195 shmdt=197 semget=190 semop=193 semctl=191 semtimedop=192 msgget=186 msgsnd=189
msgrcv=188 msgctl=187 mq_open=180 mq_unlink=181 mq_timedsend=182 mq_timedreceive=183 mq_notify=184
mq_getsetattr=185 memfd_create=279 memfd_secret=447 remap_file_pages=234 splice=76 tee=77
vmsplice=75 fanotify_init=262 fanotify_mark=263 swapon=224 swapoff=225 reboot=142 kexec_load=104
kexec_file_load=294 init_module=105 finit_module=273 delete_module=106 acct=89 quotactl=60
quotactl_fd=443 settimeofday=170 clock_settime=112 adjtimex=171 clock_adjtime=266 syslog=116
sethostname=161 setdomainname=162 personality=92 nfsservctl=42 vhangup=58 lookup_dcookie=18
fchmod=52 fchmodat=53 fchown=55 fchownat=54 utimensat=88 setxattr=5 lsetxattr=6 fsetxattr=7
removexattr=14 lremovexattr=15 fremovexattr=16 truncate=45 capset=91 inotify_init1=26
inotify_add_watch=27 setsockopt=208 setresuid=147 landlock_create_ruleset=444 landlock_add_rule=445
landlock_restrict_self=446
sendmsg=211 sendmmsg=269 membarrier=283 mlock=228 mlock2=284 mlockall=230 flock=32 fsync=82
fdatasync=83 sync=81 syncfs=267 sync_file_range=84 msync=227 fadvise64=223 readahead=213 mmap=222
close_range=436 madvise=233
"""


def numbers(machine: str) -> dict[str, int]:
    """Name to number. Raises KeyError for an architecture without a table."""
    table = {"x86_64": X86_64, "aarch64": AARCH64}[machine]
    pairs = (entry.split("=") for entry in table.split())
    return {name: int(number) for name, number in pairs}

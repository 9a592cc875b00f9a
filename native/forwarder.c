/*
 * Two directions, one thread. Each turn takes a batch from the TUN device, sends it with one system call, then takes a batch
 * of datagrams. Packets of equal size for one host leave as one segmented datagram (UDP_SEGMENT), and what the kernel has
 * gathered on receipt (UDP_GRO) is taken apart again: on the wire each packet is a datagram of its own.
 */
#define _GNU_SOURCE
#include "forwarder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "packet.h"
#include "peer-table.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { OUT_PACKETS = 128, OUT_BYTES = 256 * 1024, PACKET_ALIGNMENT = 64 };
enum { IN_DATAGRAMS = 32, IN_STRIDE = LARGEST_PACKET + 1 + 192 /* not a power of two: spreads over the cache */ };
/** The kernel's UDP_MAX_SEGMENTS when segmentation was new, and the most that one datagram can hold. */
enum { MOST_SEGMENTS = 64, MOST_SEGMENTED_BYTES = 65507 };
enum { SOCKET_BUFFER = 4 * 1024 * 1024 };
/** How long a full socket is waited for before its packets are dropped. */
enum { PATIENCE_MS = 10 };
/** After the kernel refused a segmented datagram. */
enum { UNSEGMENTED_SECONDS = 1 };
enum { MOST_ICMP_ERRORS_PER_SECOND = 1000 };
enum { MOST_DELIVERY_TRIES = 100 };

/** What the owner wants, replaced as a whole. */
struct plan {
  struct peer_table *peers;
  uint32_t source;
  uint16_t mtu;
};

/** Packets for one host that leave as one message. */
struct group {
  uint32_t host;
  unsigned first, count; /* in out_ordered */
  size_t size, bytes;    /* of each packet but the last, of all */
  bool closed;           /* a shorter packet came, which can only be the last one */
};

struct counters {
#define COUNTER(name) _Atomic uint64_t name;
  FORWARDER_COUNTERS(COUNTER)
#undef COUNTER
};

union segment_control {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(uint16_t))];
};
union gro_control {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(int))];
};

struct forwarder {
  int tun, udp, icmp, epoll, stop, ended;
  char device[IFNAMSIZ];
  in_port_t port; /* network order */
  bool only_peers, running;
  pthread_t thread;
  atomic_bool stopping;
  atomic_int end_error;
  _Atomic(struct plan *) next_plan;
  struct counters counters;

  /* The thread's own from here on. */
  struct plan *plan;
  time_t unsegmented_until, icmp_second;
  unsigned icmp_in_second;

  struct iovec out_parts[OUT_PACKETS];
  unsigned out_group[OUT_PACKETS];
  struct group groups[OUT_PACKETS];
  unsigned group_count;
  struct iovec out_ordered[OUT_PACKETS];
  struct mmsghdr out_messages[OUT_PACKETS];
  struct sockaddr_in out_hosts[OUT_PACKETS];
  union segment_control out_controls[OUT_PACKETS];

  struct mmsghdr in_messages[IN_DATAGRAMS];
  struct iovec in_parts[IN_DATAGRAMS];
  struct sockaddr_in in_hosts[IN_DATAGRAMS];
  union gro_control in_controls[IN_DATAGRAMS];

  uint8_t out[OUT_BYTES];
  uint8_t in[IN_DATAGRAMS * IN_STRIDE];
};

static void count(_Atomic uint64_t *counter, uint64_t amount) {
  /* Only the thread writes, so there is nothing to lock. */
  uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
  atomic_store_explicit(counter, before + amount, memory_order_relaxed);
}

static time_t seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec;
}

static void free_plan(struct plan *plan) {
  if (plan == NULL) return;
  peer_table_free(plan->peers);
  free(plan);
}

/** The thread ends by itself: somebody deleted the device, or the kernel is out of something for good. */
static void give_up(struct forwarder *forwarder, int error) {
  if (atomic_exchange(&forwarder->stopping, true)) return;
  /* What a TUN descriptor says whose device is gone; ENODEV is known to more people. */
  atomic_store(&forwarder->end_error, error == EBADFD ? ENODEV : error);
  (void)!write(forwarder->ended, &(uint64_t){1}, sizeof(uint64_t));
}

/* ---- ICMP errors ---- */

/**
 * By a raw socket, as the kernel sends its own: written to the TUN device, where flannel puts it, the message would come in
 * with an address of this host as its source, which the kernel refuses as a martian.
 */
static void send_icmp_error(struct forwarder *forwarder, uint8_t type, const uint8_t *offender, size_t length) {
  uint32_t source = forwarder->plan->source;
  if (forwarder->icmp < 0 || source == 0 || !may_answer(offender, length)) return;
  time_t now = seconds();
  if (now != forwarder->icmp_second) forwarder->icmp_in_second = 0;
  forwarder->icmp_second = now;
  if (forwarder->icmp_in_second++ >= MOST_ICMP_ERRORS_PER_SECOND) return;
  uint8_t message[ICMP_LONGEST];
  size_t size = write_icmp_error(message, type, source, offender, length);
  struct sockaddr_in target = {.sin_family = AF_INET, .sin_addr.s_addr = packet_source(offender)};
  if (sendto(forwarder->icmp, message, size, MSG_DONTWAIT, (struct sockaddr *)&target, sizeof target) > 0)
    count(&forwarder->counters.icmpErrors, 1);
}

/* ---- TUN to network ---- */

static void add_to_group(struct forwarder *forwarder, unsigned packet, uint32_t host) {
  size_t length = forwarder->out_parts[packet].iov_len;
  unsigned at = forwarder->group_count;
  /* Only the host's latest group, so that its packets keep their order. */
  while (at > 0 && forwarder->groups[at - 1].host != host) at--;
  struct group *group = at > 0 ? &forwarder->groups[at - 1] : NULL;
  if (group == NULL || group->closed || length > group->size || group->count == MOST_SEGMENTS ||
      group->bytes + length > MOST_SEGMENTED_BYTES) {
    at = ++forwarder->group_count;
    group = &forwarder->groups[at - 1];
    *group = (struct group){.host = host, .size = length};
  }
  group->closed = length < group->size;
  group->bytes += length;
  group->count++;
  forwarder->out_group[packet] = at - 1;
}

static void fill_message(struct forwarder *forwarder, unsigned index, uint32_t host, unsigned first, unsigned parts) {
  forwarder->out_hosts[index] =
      (struct sockaddr_in){.sin_family = AF_INET, .sin_port = forwarder->port, .sin_addr.s_addr = host};
  forwarder->out_messages[index].msg_hdr = (struct msghdr){
      .msg_name = &forwarder->out_hosts[index],
      .msg_namelen = sizeof forwarder->out_hosts[index],
      .msg_iov = &forwarder->out_ordered[first],
      .msg_iovlen = parts,
  };
}

static void set_segment_size(struct forwarder *forwarder, unsigned index, size_t size) {
  struct msghdr *message = &forwarder->out_messages[index].msg_hdr;
  union segment_control *control = &forwarder->out_controls[index];
  *control = (union segment_control){.align = {
                                         .cmsg_level = IPPROTO_UDP,
                                         .cmsg_type = UDP_SEGMENT,
                                         .cmsg_len = CMSG_LEN(sizeof(uint16_t)),
                                     }};
  memcpy(CMSG_DATA(&control->align), &(uint16_t){(uint16_t)size}, sizeof(uint16_t));
  message->msg_control = control;
  message->msg_controllen = sizeof *control;
}

/** Puts the packets in the order of their groups and gives the number of messages that carry them. */
static unsigned make_messages(struct forwarder *forwarder, unsigned packets) {
  unsigned place = 0;
  for (unsigned at = 0; at < forwarder->group_count; at++) {
    struct group *group = &forwarder->groups[at];
    group->first = place;
    place += group->count;
    group->count = 0;
  }
  for (unsigned packet = 0; packet < packets; packet++) {
    struct group *group = &forwarder->groups[forwarder->out_group[packet]];
    forwarder->out_ordered[group->first + group->count++] = forwarder->out_parts[packet];
  }
  bool segmented = forwarder->unsegmented_until == 0 || seconds() >= forwarder->unsegmented_until;
  unsigned messages = 0;
  for (unsigned at = 0; at < forwarder->group_count; at++) {
    const struct group *group = &forwarder->groups[at];
    unsigned parts = segmented ? group->count : 1;
    for (unsigned first = 0; first < group->count; first += parts) {
      fill_message(forwarder, messages, group->host, group->first + first, parts);
      if (parts > 1) set_segment_size(forwarder, messages, group->size);
      messages++;
    }
  }
  return messages;
}

static void count_sent(struct forwarder *forwarder, const struct msghdr *message) {
  size_t bytes = 0;
  for (size_t at = 0; at < message->msg_iovlen; at++) bytes += message->msg_iov[at].iov_len;
  count(&forwarder->counters.sentPackets, message->msg_iovlen);
  count(&forwarder->counters.sentBytes, bytes);
}

static void count_send_failure(struct forwarder *forwarder, const struct msghdr *message, int error) {
  count(&forwarder->counters.sendFailed, message->msg_iovlen);
  atomic_store_explicit(&forwarder->counters.lastSendError, (uint64_t)error, memory_order_relaxed);
}

/** The packets of a message one by one: what remains when a path cannot take them segmented. */
static void send_parts(struct forwarder *forwarder, const struct msghdr *message) {
  for (size_t at = 0; at < message->msg_iovlen; at++) {
    struct msghdr part = {.msg_name = message->msg_name,
                          .msg_namelen = message->msg_namelen,
                          .msg_iov = &message->msg_iov[at],
                          .msg_iovlen = 1};
    if (sendmsg(forwarder->udp, &part, MSG_DONTWAIT) < 0)
      count_send_failure(forwarder, &part, errno);
    else
      count_sent(forwarder, &part);
  }
}

static void send_messages(struct forwarder *forwarder, unsigned messages) {
  unsigned at = 0;
  bool waited = false;
  while (at < messages) {
    int sent = sendmmsg(forwarder->udp, &forwarder->out_messages[at], messages - at, MSG_DONTWAIT);
    int error = errno;
    for (int done = 0; done < sent; done++) count_sent(forwarder, &forwarder->out_messages[at++].msg_hdr);
    if (sent > 0 || error == EINTR) continue;
    if (error == EAGAIN && !waited) {
      /* TCP likes waiting better than loss; but the other direction must not wait long. */
      struct pollfd room = {.fd = forwarder->udp, .events = POLLOUT};
      (void)poll(&room, 1, PATIENCE_MS);
      waited = true;
      continue;
    }
    const struct msghdr *message = &forwarder->out_messages[at++].msg_hdr;
    if (message->msg_control != NULL && error != EAGAIN) {
      forwarder->unsegmented_until = seconds() + UNSEGMENTED_SECONDS;
      send_parts(forwarder, message);
    } else
      count_send_failure(forwarder, message, error);
  }
}

/** Whether the packet goes out, and to which host. */
static bool route(struct forwarder *forwarder, uint8_t *packet, size_t length, uint32_t *host) {
  /* The kernel also sends IPv6 router solicitations and the like to every device. */
  if (!is_ipv4(packet, length)) return false;
  if (!peer_table_find(forwarder->plan->peers, packet_destination(packet), host)) {
    count(&forwarder->counters.noPeer, 1);
    send_icmp_error(forwarder, ICMP_UNREACHABLE, packet, length);
    return false;
  }
  if (decrement_ttl(packet)) return true;
  count(&forwarder->counters.expired, 1);
  send_icmp_error(forwarder, ICMP_TIME_EXCEEDED, packet, length);
  return false;
}

/** One batch; whether there may be more. */
static bool forward_out(struct forwarder *forwarder) {
  bool more = true;
  unsigned packets = 0;
  size_t used = 0;
  forwarder->group_count = 0;
  for (unsigned reads = 0; reads < OUT_PACKETS && used + LARGEST_PACKET <= OUT_BYTES; reads++) {
    uint8_t *packet = forwarder->out + used;
    ssize_t length = read(forwarder->tun, packet, LARGEST_PACKET);
    if (length < 0) {
      if (errno != EAGAIN && errno != EINTR) give_up(forwarder, errno);
      more = errno == EINTR;
      break;
    }
    uint32_t host;
    if (!route(forwarder, packet, (size_t)length, &host)) continue;
    forwarder->out_parts[packets] = (struct iovec){.iov_base = packet, .iov_len = (size_t)length};
    add_to_group(forwarder, packets++, host);
    used += ((size_t)length + PACKET_ALIGNMENT - 1) / PACKET_ALIGNMENT * PACKET_ALIGNMENT;
  }
  if (packets > 0) send_messages(forwarder, make_messages(forwarder, packets));
  return more;
}

/* ---- network to TUN ---- */

static void deliver(struct forwarder *forwarder, uint8_t *packet, size_t length) {
  if (!is_ipv4(packet, length)) {
    count(&forwarder->counters.malformed, 1);
    return;
  }
  if (!decrement_ttl(packet)) {
    count(&forwarder->counters.expired, 1);
    send_icmp_error(forwarder, ICMP_TIME_EXCEEDED, packet, length);
    return;
  }
  if (length > forwarder->plan->mtu) count(&forwarder->counters.oversize, 1);
  ssize_t written = -1;
  for (unsigned tries = 0; written < 0 && tries < MOST_DELIVERY_TRIES; tries++) {
    written = write(forwarder->tun, packet, length);
    if (written < 0 && errno != EAGAIN && errno != EINTR) break;
  }
  if (written < 0) {
    if (errno == EBADFD) give_up(forwarder, errno);
    count(&forwarder->counters.deliverFailed, 1);
    return;
  }
  count(&forwarder->counters.receivedPackets, 1);
  count(&forwarder->counters.receivedBytes, length);
}

/** How long each packet in the message is, when the kernel has gathered several; else its whole length. */
static size_t gathered_size(struct msghdr *message, size_t length) {
  for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control)) {
    if (control->cmsg_level != IPPROTO_UDP || control->cmsg_type != UDP_GRO) continue;
    int size;
    memcpy(&size, CMSG_DATA(control), sizeof size);
    if (size > 0) return (size_t)size;
  }
  return length;
}

/** One batch; whether there may be more. */
static bool forward_in(struct forwarder *forwarder) {
  for (unsigned at = 0; at < IN_DATAGRAMS; at++) {
    struct msghdr *message = &forwarder->in_messages[at].msg_hdr;
    message->msg_namelen = sizeof forwarder->in_hosts[at];
    message->msg_controllen = sizeof forwarder->in_controls[at];
  }
  int received = recvmmsg(forwarder->udp, forwarder->in_messages, IN_DATAGRAMS, MSG_DONTWAIT, NULL);
  if (received < 0) {
    if (errno == EBADF || errno == ENOTSOCK) give_up(forwarder, errno);
    return errno == EINTR;
  }
  for (int at = 0; at < received; at++) {
    uint8_t *datagram = forwarder->in_parts[at].iov_base;
    size_t length = forwarder->in_messages[at].msg_len;
    size_t size = gathered_size(&forwarder->in_messages[at].msg_hdr, length);
    if (length == 0) count(&forwarder->counters.malformed, 1);
    if (!peer_table_has_host(forwarder->plan->peers, forwarder->in_hosts[at].sin_addr.s_addr)) {
      count(&forwarder->counters.unknownSource, size == 0 ? 1 : (length + size - 1) / size);
      if (forwarder->only_peers) continue;
    }
    for (size_t start = 0; start < length; start += size)
      deliver(forwarder, datagram + start, length - start < size ? length - start : size);
  }
  return received == IN_DATAGRAMS;
}

/* ---- the thread ---- */

static void adopt_plan(struct forwarder *forwarder) {
  if (atomic_load_explicit(&forwarder->next_plan, memory_order_relaxed) == NULL) return;
  struct plan *next = atomic_exchange(&forwarder->next_plan, NULL);
  if (next == NULL) return;
  free_plan(forwarder->plan);
  forwarder->plan = next;
}

static void *forward(void *data) {
  struct forwarder *forwarder = data;
  while (!atomic_load(&forwarder->stopping)) {
    struct epoll_event events[3];
    int ready = epoll_wait(forwarder->epoll, events, 3, -1);
    if (ready < 0 && errno != EINTR) give_up(forwarder, errno);
    bool out = false, in = false;
    for (int at = 0; at < ready; at++) {
      out = out || events[at].data.fd == forwarder->tun;
      in = in || events[at].data.fd == forwarder->udp;
    }
    while ((out || in) && !atomic_load_explicit(&forwarder->stopping, memory_order_relaxed)) {
      adopt_plan(forwarder);
      if (out) out = forward_out(forwarder);
      if (in) in = forward_in(forwarder);
    }
  }
  return NULL;
}

/* ---- opening and closing ---- */

static int open_tun(const char *pattern, char *device, const char **failed) {
  *failed = "open";
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return -1;
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, pattern, IFNAMSIZ - 1);
  *failed = "ioctl";
  if (ioctl(fd, TUNSETIFF, &request) < 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  memcpy(device, request.ifr_name, IFNAMSIZ);
  device[IFNAMSIZ - 1] = 0;
  return fd;
}

static int open_udp(uint32_t address, uint16_t port, const char **failed) {
  *failed = "socket";
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int size = SOCKET_BUFFER, on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  /* Kernels before 5.0 do not gather. */
  (void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = address};
  *failed = "bind";
  if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

static void prepare_receiving(struct forwarder *forwarder) {
  for (unsigned at = 0; at < IN_DATAGRAMS; at++) {
    forwarder->in_parts[at] = (struct iovec){.iov_base = forwarder->in + at * IN_STRIDE, .iov_len = LARGEST_PACKET};
    forwarder->in_messages[at].msg_hdr = (struct msghdr){
        .msg_name = &forwarder->in_hosts[at],
        .msg_iov = &forwarder->in_parts[at],
        .msg_iovlen = 1,
        .msg_control = &forwarder->in_controls[at],
    };
  }
}

static int start_thread(struct forwarder *forwarder) {
  for (const int *fd = (const int[]){forwarder->tun, forwarder->udp, forwarder->stop, -1}; *fd >= 0; fd++) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = *fd};
    if (epoll_ctl(forwarder->epoll, EPOLL_CTL_ADD, *fd, &event) != 0) return errno;
  }
  /* Signals are for the program's own threads. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&forwarder->thread, NULL, forward, forwarder);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error != 0) return error;
  forwarder->running = true;
  (void)pthread_setname_np(forwarder->thread, "weft-udp");
  return 0;
}

struct forwarder *forwarder_open(const struct forwarder_options *options, const char **failed) {
  *failed = "malloc";
  struct forwarder *forwarder = calloc(1, sizeof *forwarder);
  if (forwarder == NULL) return NULL;
  forwarder->tun = forwarder->udp = forwarder->icmp = forwarder->epoll = forwarder->stop = forwarder->ended = -1;
  forwarder->port = htons(options->port);
  forwarder->only_peers = options->only_peers;
  prepare_receiving(forwarder);
  int error = 0;
  if (!forwarder_set_peers(forwarder, 0, LARGEST_PACKET, NULL, 0) ||
      (forwarder->udp = open_udp(options->address, options->port, failed)) < 0 ||
      (forwarder->tun = open_tun(options->pattern, forwarder->device, failed)) < 0) {
    error = errno;
    forwarder_close(forwarder);
    errno = error;
    return NULL;
  }
  forwarder->icmp = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
  *failed = "epoll";
  forwarder->epoll = epoll_create1(EPOLL_CLOEXEC);
  forwarder->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  forwarder->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (forwarder->epoll < 0 || forwarder->stop < 0 || forwarder->ended < 0)
    error = errno;
  else
    error = start_thread(forwarder);
  if (error == 0) return forwarder;
  forwarder_close(forwarder);
  errno = error;
  return NULL;
}

const char *forwarder_device(const struct forwarder *forwarder) { return forwarder->device; }

int forwarder_ended(const struct forwarder *forwarder) { return forwarder->ended; }

int forwarder_end_error(struct forwarder *forwarder) { return atomic_load(&forwarder->end_error); }

bool forwarder_set_peers(struct forwarder *forwarder, uint32_t source, uint16_t mtu, const uint8_t *records, size_t count) {
  struct plan *plan = malloc(sizeof *plan);
  struct peer_table *peers = peer_table_make(records, count);
  if (plan == NULL || peers == NULL) {
    int error = peers == NULL ? errno : ENOMEM;
    free(plan);
    peer_table_free(peers);
    errno = error;
    return false;
  }
  *plan = (struct plan){.peers = peers, .source = source, .mtu = mtu};
  /* What the thread has not taken yet is nobody's any more. */
  free_plan(atomic_exchange(&forwarder->next_plan, plan));
  return true;
}

void forwarder_read_counters(struct forwarder *forwarder, struct forwarder_counters *counters) {
#define COUNTER(name) counters->name = atomic_load_explicit(&forwarder->counters.name, memory_order_relaxed);
  FORWARDER_COUNTERS(COUNTER)
#undef COUNTER
}

void forwarder_close(struct forwarder *forwarder) {
  atomic_store(&forwarder->stopping, true);
  if (forwarder->running) {
    (void)!write(forwarder->stop, &(uint64_t){1}, sizeof(uint64_t));
    pthread_join(forwarder->thread, NULL);
  }
  const int fds[] = {forwarder->tun,   forwarder->udp,  forwarder->icmp,
                     forwarder->epoll, forwarder->stop, forwarder->ended};
  for (size_t at = 0; at < sizeof fds / sizeof fds[0]; at++)
    if (fds[at] >= 0) close(fds[at]);
  free_plan(forwarder->plan);
  free_plan(atomic_load(&forwarder->next_plan));
  free(forwarder);
}

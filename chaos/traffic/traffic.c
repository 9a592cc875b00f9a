/*
 * The traffic of one Pod: numbered datagrams to every other Pod, and a line for each gap in what arrives from them.
 *
 *   traffic NUMBER ADDRESS PORT INTERVAL_US NUMBER=ADDRESS…
 *
 * All Pods are on one machine, so a datagram carries the monotonic time at which it was sent and its delay is known exactly: a
 * sender that the machine holds up is no gap, a datagram that waits in a queue is one. It has arrived when the kernel says so: this
 * program may read it later. Times are microseconds of CLOCK_MONOTONIC.
 *
 *   gap FROM LOST STARTED ENDED      datagrams lost between two that arrived, or none lost and one that took long
 *
 * A line on standard input asks how it is; the answer is a line per flow and one with the time:
 *
 *   flow FROM AGE RECEIVED LONGEST_DELAY      since the last arrival; the longest delay since the last question
 *   now TIME
 *
 * It ends with its standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_PEERS 64
#define MAGIC 0x77656674u
/* A delay that is worth a line; the reader has its own limit, which is longer. */
#define LATE_US 20000
/* A gap stays open that long, for datagrams that were overtaken and for the next gap that belongs to it. */
#define SETTLE_US 50000

struct datagram {
  uint32_t magic, from;
  uint64_t sequence;
  int64_t sent_us;
};

static struct peer {
  unsigned number;
  struct sockaddr_in address;
  uint64_t next_out, next_in, received;
  int64_t last_sent_us, last_arrival_us, longest_delay_us;
  /* The gap that is open: `ended_us` 0 when there is none. */
  int64_t lost, started_us, ended_us;
} peers[MOST_PEERS];
static size_t peer_count;

static int64_t microseconds(const struct timespec *time) {
  return (int64_t)time->tv_sec * 1000000 + time->tv_nsec / 1000;
}

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return microseconds(&now);
}

static void must(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

/* The machine is busy with what is tested; a scheduler that lets us wait would look like a gap. */
static void hurry(void) {
  struct sched_param priority = {.sched_priority = 5};
  if (sched_setscheduler(0, SCHED_FIFO, &priority) < 0) setpriority(PRIO_PROCESS, 0, -20);
}

static void open_gap(struct peer *peer, int64_t lost, int64_t started_us, int64_t ended_us) {
  if (peer->ended_us == 0) {
    peer->lost = 0;
    peer->started_us = started_us;
  }
  peer->lost += lost;
  peer->ended_us = ended_us;
}

static void print_gap(struct peer *peer) {
  if (peer->lost > 0 || peer->ended_us - peer->started_us > LATE_US) {
    printf("gap %u %lld %lld %lld\n", peer->number, (long long)peer->lost, (long long)peer->started_us,
           (long long)peer->ended_us);
  }
  peer->ended_us = 0;
}

static void arrived(struct peer *peer, const struct datagram *datagram, int64_t at_us) {
  int64_t delay_us = at_us - datagram->sent_us;
  peer->received++;
  peer->last_arrival_us = at_us;
  if (delay_us > peer->longest_delay_us) peer->longest_delay_us = delay_us;
  if (datagram->sequence < peer->next_in) {
    /* It was overtaken and counted as lost. */
    if (peer->ended_us != 0 && peer->lost > 0) peer->lost--;
    return;
  }
  int64_t lost = (int64_t)(datagram->sequence - peer->next_in);
  /* Before the first datagram there is nothing to compare with. */
  if (lost > 0 && peer->last_sent_us != 0) open_gap(peer, lost, peer->last_sent_us, at_us);
  else if (delay_us > LATE_US) open_gap(peer, 0, datagram->sent_us, at_us);
  peer->next_in = datagram->sequence + 1;
  peer->last_sent_us = datagram->sent_us;
}

/* When the kernel got it, which it tells by the other clock. */
static int64_t arrival_us(struct msghdr *message) {
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
    struct timespec stamp, real;
    memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
    clock_gettime(CLOCK_REALTIME, &real);
    return now_us() - (microseconds(&real) - microseconds(&stamp));
  }
  return now_us();
}

static void receive_all(int socket) {
  for (;;) {
    struct datagram datagram;
    union {
      char bytes[CMSG_SPACE(sizeof(struct timespec))];
      struct cmsghdr alignment;
    } control;
    struct iovec data = {.iov_base = &datagram, .iov_len = sizeof datagram};
    struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    if (recvmsg(socket, &message, MSG_DONTWAIT) != sizeof datagram) return;
    if (datagram.magic != MAGIC) continue;
    for (size_t at = 0; at < peer_count; at++)
      if (peers[at].number == datagram.from) arrived(&peers[at], &datagram, arrival_us(&message));
  }
}

static void send_all(int socket, unsigned self) {
  for (size_t at = 0; at < peer_count; at++) {
    struct peer *peer = &peers[at];
    struct datagram datagram = {.magic = MAGIC, .from = self, .sequence = peer->next_out++, .sent_us = now_us()};
    /* One that the kernel refuses is lost like one that the network loses: the receiver counts it. */
    sendto(socket, &datagram, sizeof datagram, MSG_DONTWAIT, (const struct sockaddr *)&peer->address,
           sizeof peer->address);
  }
}

static void answer(void) {
  int64_t at_us = now_us();
  for (size_t at = 0; at < peer_count; at++) {
    struct peer *peer = &peers[at];
    printf("flow %u %lld %llu %lld\n", peer->number, (long long)(at_us - peer->last_arrival_us),
           (unsigned long long)peer->received, (long long)peer->longest_delay_us);
    peer->longest_delay_us = 0;
  }
  printf("now %lld\n", (long long)at_us);
}

static struct sockaddr_in address_of(const char *text, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, text, &address.sin_addr) == 1) return address;
  fprintf(stderr, "%s is no IPv4 address\n", text);
  exit(2);
}

int main(int count, char **words) {
  if (count < 5 || count - 5 > MOST_PEERS) return 2;
  unsigned self = (unsigned)atoi(words[1]);
  int port = atoi(words[3]);
  int64_t interval_us = atoll(words[4]);
  if (port <= 0 || interval_us <= 0) return 2;
  for (int at = 5; at < count; at++) {
    char *address = strchr(words[at], '=');
    if (address == NULL) return 2;
    peers[peer_count].number = (unsigned)atoi(words[at]);
    peers[peer_count++].address = address_of(address + 1, port);
  }
  int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  must(udp, "socket");
  int on = 1;
  must(setsockopt(udp, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on), "SO_TIMESTAMPNS");
  struct sockaddr_in own = address_of(words[2], port);
  must(bind(udp, (const struct sockaddr *)&own, sizeof own), "bind");
  setvbuf(stdout, NULL, _IOLBF, 0);
  hurry();
  int64_t send_at_us = now_us();
  for (;;) {
    int64_t wait_us = send_at_us - now_us();
    struct timespec wait = {.tv_nsec = wait_us > 0 ? (wait_us % 1000000) * 1000 : 0, .tv_sec = wait_us > 0 ? wait_us / 1000000 : 0};
    struct pollfd files[2] = {{.fd = udp, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    if (ppoll(files, 2, &wait, NULL) < 0 && errno != EINTR) must(-1, "poll");
    receive_all(udp);
    if (now_us() >= send_at_us) {
      send_all(udp, self);
      send_at_us += interval_us;
      /* What was not sent in time is not sent in a burst. */
      if (send_at_us < now_us()) send_at_us = now_us() + interval_us;
    }
    for (size_t at = 0; at < peer_count; at++)
      if (peers[at].ended_us != 0 && now_us() - peers[at].ended_us > SETTLE_US) print_gap(&peers[at]);
    if (files[1].revents != 0) {
      char question[64];
      ssize_t length = read(STDIN_FILENO, question, sizeof question);
      if (length == 0) return 0;
      if (length > 0) answer();
    }
  }
}

/*
 * The yardstick of the udp bench: the forwarding loop that anybody would write first, in the manner of flannel's udp backend.
 * One packet per system call, poll() when nothing is left, a linear list of peers. Its socket has buffers as large as weft's, so
 * that it is not beaten by a setting.
 *
 *   udp-plain-loop DEVICE ADDRESS PORT MTU SUBNET/LENGTH HOST
 *
 * Prints a line when the device is there; ends with its standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct peer {
  uint32_t network, mask;
  struct sockaddr_in host;
} peers[1];

static void must(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

static int decrement_ttl(uint8_t *packet) {
  if (--packet[8] == 0) return 0;
  uint16_t sum;
  memcpy(&sum, packet + 10, 2);
  uint32_t next = ntohs(sum) + 0x100u;
  sum = htons((uint16_t)(next + (next >> 16)));
  memcpy(packet + 10, &sum, 2);
  return 1;
}

static const struct sockaddr_in *find(uint32_t destination) {
  for (size_t at = 0; at < sizeof peers / sizeof peers[0]; at++)
    if ((destination & peers[at].mask) == peers[at].network) return &peers[at].host;
  return NULL;
}

static int tun_to_udp(int tun, int udp, uint8_t *buffer, size_t size) {
  ssize_t length = read(tun, buffer, size);
  if (length < 0) return 0;
  if (length < 20) return 1;
  uint32_t destination;
  memcpy(&destination, buffer + 16, 4);
  const struct sockaddr_in *host = find(destination);
  if (host == NULL || !decrement_ttl(buffer)) return 1;
  ssize_t sent;
  do sent = sendto(udp, buffer, (size_t)length, 0, (const struct sockaddr *)host, sizeof *host);
  while (sent < 0 && (errno == EAGAIN || errno == EINTR));
  return 1;
}

static int udp_to_tun(int udp, int tun, uint8_t *buffer, size_t size) {
  ssize_t length = recv(udp, buffer, size, 0);
  if (length < 0) return 0;
  if (length < 20 || !decrement_ttl(buffer)) return 1;
  ssize_t written;
  do written = write(tun, buffer, (size_t)length);
  while (written < 0 && (errno == EAGAIN || errno == EINTR));
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  uint16_t port = htons((uint16_t)atoi(argv[3]));
  size_t size = (size_t)atoi(argv[4]);
  char *slash = strchr(argv[5], '/');
  if (slash == NULL) return 2;
  *slash = 0;
  peers[0].mask = htonl(UINT32_MAX << (32 - atoi(slash + 1)));
  peers[0].network = inet_addr(argv[5]) & peers[0].mask;
  peers[0].host = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = inet_addr(argv[6])};

  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  must(tun, "/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
  must(ioctl(tun, TUNSETIFF, &request), "TUNSETIFF");
  int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  must(udp, "socket");
  int bytes = 4 * 1024 * 1024;
  (void)setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  (void)setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = inet_addr(argv[2])};
  must(bind(udp, (struct sockaddr *)&own, sizeof own), "bind");
  puts("ready");
  fflush(stdout);

  uint8_t *buffer = malloc(size);
  struct pollfd ready[] = {{.fd = tun, .events = POLLIN}, {.fd = udp, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  while (buffer != NULL && ready[2].revents == 0) {
    int more;
    must(poll(ready, 3, -1), "poll");
    do {
      more = 0;
      if (ready[0].revents & POLLIN) more += tun_to_udp(tun, udp, buffer, size);
      if (ready[1].revents & POLLIN) more += udp_to_tun(udp, tun, buffer, size);
    } while (more > 0);
  }
  return 0;
}

/*
 * Request and response over one TCP connection, a byte each: `ping-pong PORT` answers one client and ends with it,
 * `ping-pong PORT ADDRESS SECONDS` asks, and prints how many answers came a second.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what) {
  perror(what);
  return 1;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 2 && argc != 4) return 2;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
  int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  char byte = 0;
  if (argc == 2) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0) return fail("listen");
    int client = accept(fd, NULL, NULL);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (read(client, &byte, 1) == 1)
      if (write(client, &byte, 1) != 1) return fail("write");
    return 0;
  }
  inet_pton(AF_INET, argv[2], &address.sin_addr);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  double start = now(), end = start + atof(argv[3]), last = start;
  long answers = 0;
  for (; last < end; last = now(), answers++)
    if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1) return fail("ask");
  printf("%.1f\n", (double)answers / (last - start));
  return 0;
}

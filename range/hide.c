/* A harmless stand-in for a library that hides: loaded before the C library, it leaves files,
 * processes and a port out of what dynamic programs see. It hides what begins with `range-hidden`
 * and the port 48879, opens nothing else, writes nothing and talks to nobody.
 * Built by range/tests/hiding.rs with `cc -shared -fPIC`. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PREFIX "range-hidden"
#define PORT ":BEEF "

static int is_hidden(const char *name)
{
	char path[64], comm[32];
	if (!strncmp(name, PREFIX, strlen(PREFIX)))
		return 1;
	if (name[0] < '1' || name[0] > '9' || strlen(name) > 9)
		return 0;
	snprintf(path, sizeof path, "/proc/%s/comm", name);
	int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
	int fd = real(path, O_RDONLY);
	if (fd < 0)
		return 0;
	ssize_t length = read(fd, comm, sizeof comm);
	close(fd);
	return length >= (ssize_t)strlen(PREFIX) && !strncmp(comm, PREFIX, strlen(PREFIX));
}

struct dirent *readdir(DIR *directory)
{
	struct dirent *(*real)(DIR *) = dlsym(RTLD_NEXT, "readdir");
	struct dirent *entry;
	while ((entry = real(directory)) && is_hidden(entry->d_name))
		;
	return entry;
}

struct dirent64 *readdir64(DIR *directory)
{
	struct dirent64 *(*real)(DIR *) = dlsym(RTLD_NEXT, "readdir64");
	struct dirent64 *entry;
	while ((entry = real(directory)) && is_hidden(entry->d_name))
		;
	return entry;
}

/* Gives the list of sockets without the lines of one port. */
static int without_port(int fd)
{
	char line[512];
	FILE *from = fdopen(fd, "r");
	int to = memfd_create("list", 0);
	if (!from || to < 0)
		return fd;
	while (fgets(line, sizeof line, from))
		if (!strstr(line, PORT) && write(to, line, strlen(line)) < 0)
			break;
	fclose(from);
	lseek(to, 0, SEEK_SET);
	return to;
}

static int opened(const char *name, const char *path, int flags, int mode)
{
	int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
	int fd = real(path, flags, mode);
	return fd >= 0 && !strncmp(path, "/proc/net/tcp", 13) ? without_port(fd) : fd;
}

static int mode_of(int flags, va_list rest)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, int) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	int mode = mode_of(flags, rest);
	va_end(rest);
	return opened("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	int mode = mode_of(flags, rest);
	va_end(rest);
	return opened("open64", path, flags, mode);
}

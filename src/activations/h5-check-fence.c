/* The check's own malloc(): every block ends at a page that nobody may touch. So HDF5's reading beyond
 * the end of a buffer, which passes unseen or not as chance has it, ends the check at once. Pages of
 * small blocks are used again with their fence, larger ones go back. Not linked under sanitizers,
 * which bring their own. One thread. */
#include "h5-check-fence.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Before a block; the block ends (but for its rounding) where the pages do. */
typedef struct
{
  size_t size;   /* of the block, rounded */
  size_t mapped; /* bytes from the beginning of the first page, with the fence; 0: of the heap */
} Header;

/* A process has about 65,000 mappings; a fenced block takes two. Beyond this many blocks the rest
 * lies side by side. */
#define MAX_FENCED 20000
#define HEAP_BYTES ((size_t)1 << 20)

static bool fencing;
static char *heap, *heap_end; /* for blocks before fencing, never given back */
static size_t n_fenced;
static char *spare; /* list of single fenced pages; a spare one's first bytes point to the next */

static size_t
page_size (void)
{
  static size_t size;

  if (size == 0)
    size = (size_t)sysconf (_SC_PAGESIZE);
  return size;
}

static char *
first_page (Header *header)
{
  return (char *)header - (uintptr_t)header % page_size ();
}

/* usable: whole pages; *mapped: them and the fence. */
static char *
map_pages (size_t usable, size_t *mapped)
{
  bool fenced = n_fenced < MAX_FENCED;
  char *pages;

  *mapped = usable + (fenced ? page_size () : 0);
  pages = mmap (NULL, *mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    {
      errno = ENOMEM;
      return NULL;
    }
  if (fenced)
    {
      mprotect (pages + usable, page_size (), PROT_NONE);
      n_fenced++;
    }
  return pages;
}

static char *
reuse_page (size_t *mapped)
{
  char *page = spare;

  memcpy (&spare, page, sizeof spare);
  *mapped = 2 * page_size ();
  return page;
}

static void *
take_from_heap (size_t size, size_t alignment)
{
  uintptr_t block = ((uintptr_t)heap + sizeof (Header) + alignment - 1) & ~(alignment - 1);
  Header *header;

  if (heap == NULL || size > (uintptr_t)heap_end - block || block > (uintptr_t)heap_end)
    {
      heap = mmap (NULL, HEAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (heap == MAP_FAILED)
        {
          heap = NULL;
          errno = ENOMEM;
          return NULL;
        }
      heap_end = heap + HEAP_BYTES;
      block = ((uintptr_t)heap + sizeof (Header) + alignment - 1) & ~(alignment - 1);
    }
  header = (Header *)block - 1;
  *header = (Header){ size, 0 };
  heap = (char *)block + size;
  return header + 1;
}

/* alignment: a power of two. The block ends at a page's end, so its size decides its alignment. */
static void *
allocate (size_t size, size_t alignment)
{
  const size_t page = page_size ();
  size_t usable, mapped;
  Header *header;
  char *pages;

  if (size > PTRDIFF_MAX - 4 * page || alignment > page)
    {
      errno = ENOMEM;
      return NULL;
    }
  size = (size + alignment - 1) & ~(alignment - 1);
  usable = (size + sizeof *header + page - 1) & ~(page - 1);
  if (!fencing && usable == page)
    return take_from_heap (size, alignment < 16 ? 16 : alignment);
  pages = usable == page && spare != NULL ? reuse_page (&mapped) : map_pages (usable, &mapped);
  if (pages == NULL)
    return NULL;
  header = (Header *)(void *)(pages + usable - size) - 1;
  *header = (Header){ size, mapped };
  return header + 1;
}

void
h5_check_begin_fencing (void)
{
  fencing = true;
}

void *
malloc (size_t size)
{
  return allocate (size, 8);
}

void *
calloc (size_t n, size_t size)
{
  size_t bytes;
  void *block;

  if (__builtin_mul_overflow (n, size, &bytes))
    {
      errno = ENOMEM;
      return NULL;
    }
  block = allocate (bytes, 8);
  /* Fresh pages are zero, and many. */
  if (block != NULL && bytes < page_size ())
    memset (block, 0, bytes);
  return block;
}

void
free (void *block)
{
  const size_t page = page_size ();
  int before = errno;
  Header *header;
  char *pages;

  if (block == NULL)
    return;
  header = (Header *)block - 1;
  if (header->mapped == 0)
    return;
  pages = first_page (header);
  if (header->mapped == 2 * page && header->size + sizeof *header <= page)
    {
      memcpy (pages, &spare, sizeof spare);
      spare = pages;
      return;
    }
  if (header->mapped > header->size + sizeof *header + page - 1)
    n_fenced--;
  munmap (pages, header->mapped);
  errno = before;
}

void *
realloc (void *block, size_t size)
{
  size_t before = block != NULL ? ((Header *)block - 1)->size : 0;
  void *moved = allocate (size, 8);

  if (moved == NULL || block == NULL)
    return moved;
  memcpy (moved, block, before < size ? before : size);
  free (block);
  return moved;
}

void *
memalign (size_t alignment, size_t size)
{
  return allocate (size, alignment < 8 ? 8 : alignment);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  return memalign (alignment, size);
}

int
posix_memalign (void **block, size_t alignment, size_t size)
{
  *block = memalign (alignment, size);
  return *block != NULL ? 0 : ENOMEM;
}

size_t
malloc_usable_size (void *block)
{
  return block != NULL ? ((Header *)block - 1)->size : 0;
}

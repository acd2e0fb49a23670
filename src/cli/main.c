#include <stdio.h>
#include <string.h>

#include "crosscope-config.h"

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "--version") == 0)
    {
      printf ("crosscope-cli %s\n", CS_VERSION);
      return 0;
    }
  fprintf (stderr, "Usage: crosscope-cli VERB …\n");
  return 2;
}

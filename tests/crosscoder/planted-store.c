#include "planted-store.h"

#include <string.h>

#include "store.h"
#include "vector.h"

double
planted_ratio (size_t feature)
{
  return feature % 6 == 0 ? 0 : feature % 6 == 3 ? 1 : .5;
}

void
make_world (World *world, CsRandom *random)
{
  memset (world, 0, sizeof *world);
  for (size_t i = 0; i < N_FEATURES; i++)
    {
      float direction[D];
      for (size_t c = 0; c < D; c++)
        direction[c] = (float)cs_random_normal (random);
      cs_scale ((float)(1 / cs_norm2 (direction, D)), direction, D);
      for (size_t m = 0; m < 2; m++)
        if (planted_ratio (i) == .5 || planted_ratio (i) == (double)m)
          memcpy (world->direction[i][m], direction, sizeof direction);
    }
}

static void
fill_row (const World *world, CsRandom *random, float *row)
{
  for (size_t c = 0; c < 2 * D; c++)
    row[c] = .02f * (float)cs_random_normal (random) + (c % 7 == 0 ? .5f : 0);
  for (size_t i = 0; i < N_FEATURES; i++)
    if (cs_random_uniform (random) < .1)
      cs_axpy ((float)(2 + 2 * cs_random_uniform (random)), world->direction[i][0], row, 2 * D);
}

void
make_store (const char *path, const World *world, CsRandom *random, size_t documents, size_t absurd)
{
  g_autoptr (GError) error = NULL;
  char web[] = "web", chat[] = "chat", base[] = "base", none[] = "";
  char *corpora[] = { web, chat, NULL };
  const CsStoreInfo info = { .d_model = D,
                             .layer = 3,
                             .dtype = CS_DTYPE_F32,
                             .base_model = base,
                             .base_hash = base,
                             .chat_model = chat,
                             .chat_hash = chat,
                             .tokenizer_hash = none,
                             .corpora = corpora };
  g_autoptr (CsStore) store =
      cs_store_create (path, &info, documents * DOCUMENT, documents, &error);
  g_assert_no_error (error);
  for (size_t i = 0; i < documents; i++)
    {
      float rows[DOCUMENT * 2 * D];
      int32_t ids[DOCUMENT];
      for (size_t t = 0; t < DOCUMENT; t++)
        {
          ids[t] = (int32_t)t;
          fill_row (world, random, rows + t * 2 * D);
          if (i == absurd && t == 7)
            rows[t * 2 * D] = 1e30f;
        }
      cs_store_append_document (store, ids, DOCUMENT, (int)(i % 2), rows, &error);
      g_assert_no_error (error);
    }
  cs_store_finish (store, &error);
  g_assert_no_error (error);
}

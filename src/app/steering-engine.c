#include "steering-engine.h"

#include <glib/gstdio.h>

#include "run-weights.h"

struct CsSharedCrosscoder {
  const CsCrosscoder *crosscoder;
};

struct CsSteeringEngine {
  CsPairSource *source;
  GMutex mutex;
  CsPair *pair;                   /* under mutex until it is set, then constant */
  CsSharedCrosscoder *crosscoder; /* under mutex, as all below */
  char *run_folder;
  gint64 stamp[2];                /* modification time in ns and size of its file */
};

static void
clear_shared (void *data)
{
  cs_run_weights_release (((CsSharedCrosscoder *) data)->crosscoder);
}

const CsCrosscoder *
cs_shared_crosscoder_get (const CsSharedCrosscoder *shared)
{
  return shared->crosscoder;
}

void
cs_shared_crosscoder_unref (CsSharedCrosscoder *shared)
{
  g_atomic_rc_box_release_full (shared, clear_shared);
}

static void
clear_engine (void *data)
{
  CsSteeringEngine *engine = data;

  g_clear_pointer (&engine->pair, cs_pair_free);
  g_clear_pointer (&engine->crosscoder, cs_shared_crosscoder_unref);
  cs_pair_source_unref (engine->source);
  g_free (engine->run_folder);
  g_mutex_clear (&engine->mutex);
}

CsSteeringEngine *
cs_steering_engine_new (CsPairSource *pair)
{
  CsSteeringEngine *engine = g_atomic_rc_box_new0 (CsSteeringEngine);

  engine->source = cs_pair_source_ref (pair);
  g_mutex_init (&engine->mutex);
  return engine;
}

CsSteeringEngine *
cs_steering_engine_ref (CsSteeringEngine *engine)
{
  return g_atomic_rc_box_acquire (engine);
}

void
cs_steering_engine_unref (CsSteeringEngine *engine)
{
  g_atomic_rc_box_release_full (engine, clear_engine);
}

bool
cs_steering_engine_is_for (CsSteeringEngine *engine, const CsPairSource *pair)
{
  return cs_pair_source_equal (engine->source, pair);
}

const CsPair *
cs_steering_engine_pair (CsSteeringEngine *engine, GError **error)
{
  const CsPair *pair;

  g_mutex_lock (&engine->mutex);
  if (engine->pair == NULL)
    engine->pair = cs_pair_source_open (engine->source, error);
  pair = engine->pair;
  g_mutex_unlock (&engine->mutex);
  return pair;
}

static void
read_stamp (const char *run_folder, gint64 stamp[2])
{
  g_autofree char *path = g_build_filename (run_folder, "model.safetensors", NULL);
  GStatBuf info;

  stamp[0] = stamp[1] = -1;
  if (g_stat (path, &info) != 0)
    return;
  stamp[0] = (gint64) info.st_mtim.tv_sec * G_GINT64_CONSTANT (1000000000) + info.st_mtim.tv_nsec;
  stamp[1] = info.st_size;
}

/* Under the mutex. */
static bool
load (CsSteeringEngine *engine, const char *run_folder, const gint64 stamp[2], GError **error)
{
  const CsCrosscoder *crosscoder = cs_run_weights_get (run_folder, error);

  if (crosscoder == NULL)
    return false;
  g_clear_pointer (&engine->crosscoder, cs_shared_crosscoder_unref);
  engine->crosscoder = g_atomic_rc_box_new0 (CsSharedCrosscoder);
  engine->crosscoder->crosscoder = crosscoder;
  g_free (engine->run_folder);
  engine->run_folder = g_strdup (run_folder);
  engine->stamp[0] = stamp[0];
  engine->stamp[1] = stamp[1];
  return true;
}

CsSharedCrosscoder *
cs_steering_engine_crosscoder (CsSteeringEngine *engine, const char *run_folder, GError **error)
{
  CsSharedCrosscoder *shared = NULL;
  gint64 stamp[2];

  g_mutex_lock (&engine->mutex);
  read_stamp (run_folder, stamp);
  if ((engine->crosscoder != NULL && g_strcmp0 (engine->run_folder, run_folder) == 0 && engine->stamp[0] == stamp[0] &&
       engine->stamp[1] == stamp[1]) ||
      load (engine, run_folder, stamp, error))
    shared = g_atomic_rc_box_acquire (engine->crosscoder);
  g_mutex_unlock (&engine->mutex);
  return shared;
}

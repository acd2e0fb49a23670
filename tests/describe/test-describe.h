#pragma once

#include <string.h>

#include "chat-server.h"

void add_client_tests (void);

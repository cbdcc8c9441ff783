#include "server/assets.h"

const rf_asset rf_assets[] = {{0}};
const size_t rf_assets_count = 0;
const char *const rf_assets_missing = "the program was built without them (meson option web)";

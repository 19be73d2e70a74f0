/**
 * What virtune uses of blessed and blessed-contrib, each loaded when it is first called for. They are CommonJS of 2015,
 * partly valid in sloppy mode only: the build bundles this file apart from the ES modules, as dist/cli/widgets.cjs.
 */
// Of blessed's thirty widgets only the screen is used: all of them take 25 ms to load.
exports.loadScreen = () => require('blessed/lib/widgets/screen');
exports.loadTput = () => require('blessed/lib/tput');
exports.loadLineChart = () => require('blessed-contrib/lib/widget/charts/line.js');

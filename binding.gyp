{
  # For `node-gyp rebuild`: CMakeLists.txt is the one description of the build, this only runs it. The Node-API headers
  # are those of the npm packages; what node-gyp finds or downloads is not used.
  'variables': {
    'cmake_folder': '<(module_root_dir)/build/cmake',
    'node_api_include': '<!(node -p "require(\'node-api-headers\').include_dir")',
    'node_addon_api_include': '<!(node -p "require(\'node-addon-api\').include_dir")',
    'node_api_def': '<!(node -p "require(\'node-api-headers\').def_paths.node_api_def")',
  },
  'targets': [
    {
      'target_name': 'arc2face',
      'type': 'none',
      'actions': [
        {
          'action_name': 'configure',
          'inputs': ['CMakeLists.txt'],
          'outputs': ['<(cmake_folder)/CMakeCache.txt'],
          'action': [
            'cmake', '-S', '<(module_root_dir)', '-B', '<(cmake_folder)',
            '-DCMAKE_BUILD_TYPE=<(CONFIGURATION_NAME)',
            '-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=<(PRODUCT_DIR)',
            '-DCMAKE_JS_INC=<(node_api_include);<(node_addon_api_include)',
            '-DCMAKE_JS_NODELIB_DEF=<(node_api_def)',
            '-DCMAKE_JS_NODELIB_TARGET=<(cmake_folder)/node.lib',
          ],
        },
        {
          'action_name': 'build',
          'inputs': ['<(cmake_folder)/CMakeCache.txt'],
          'outputs': ['<(PRODUCT_DIR)/arc2face.node'],
          'action': ['cmake', '--build', '<(cmake_folder)', '--config', '<(CONFIGURATION_NAME)', '--parallel', '4'],
        },
      ],
    },
  ],
}

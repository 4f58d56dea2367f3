/** The older of the two Express that are tested. What tests use of it has the same types. */
declare module 'express4' {
  import express from 'express'

  export default express
}

/** The older of the two Koa. */
declare module 'koa2' {
  import Koa from 'koa'

  export default Koa
}
